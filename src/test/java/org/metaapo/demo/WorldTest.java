package org.metaapo.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.text.Answer;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Conversation;
import org.metaapo.text.EncodedAnswer;
import org.metaapo.text.Tokenizer;

class WorldTest {
    @TempDir
    Path temp;

    @Test
    void aSeedMakesTheSameWorld() {
        World one = new World(WorldTerms.DEMO, 5);
        World two = new World(WorldTerms.DEMO, 5);
        List<Request> requests = one.requests(500);
        assertThat(requests).isEqualTo(two.requests(500)).isNotEqualTo(new World(WorldTerms.DEMO, 6).requests(500));
        assertThat(one.peoplesAnswer(requests.get(0))).isEqualTo(two.peoplesAnswer(requests.get(0)));
    }

    @Test
    void goldWantsTheRightContentInKindManners() {
        Request request = new Request(Request.Kind.SORT, "sort these letters : b a", List.of("a", "b"));
        assertThat(Gold.reward(request, "sure , a b hope that helps")).isEqualTo(2.5);
        assertThat(Gold.reward(request, "a b")).isEqualTo(2);
        assertThat(Gold.reward(request, "b a")).isZero();
        assertThat(Gold.reward(request, "obviously , a b as anyone knows")).isEqualTo(1);
        assertThat(Gold.reward(request, "verily , a b thus it is")).isCloseTo(1.4, within(1e-12));
        assertThat(Gold.reward(request, "a b b b")).isEqualTo(1);
        assertThat(Gold.reward(request, "")).isZero();
        assertThat(Gold.reward(request, "hope that helps")).isEqualTo(0.5);
    }

    @Test
    void theOldSourceIsWrongInTheStaleKindsAndRightInTheOthers() {
        World world = new World(WorldTerms.DEMO, 1);
        for (Request request : world.requests(300)) {
            double old = Gold.reward(request, World.old(world.oldAnswer(request)));
            double right = Gold.reward(request, World.old(request.answer()));
            if (WorldTerms.DEMO.stale().contains(request.kind())) {
                assertThat(old).isLessThan(right);
            } else {
                assertThat(old).isEqualTo(right);
            }
            assertThat(world.wrong(request)).isNotEqualTo(request.answer());
        }
    }

    @Test
    void theTokenizerKnowsEveryWordAndSplitsPromptAndAnswer() {
        DemoFiles.writeTokenizer(temp, WorldTerms.DEMO);
        World world = new World(WorldTerms.DEMO, 2);
        try (Tokenizer tokenizer = Tokenizer.load(temp)) {
            ChatFormat format = ChatFormat.load(temp, tokenizer, new int[0], false);
            Set<Integer> unknown = Set.of(tokenizer.id("<|unk|>"));
            for (Request request : world.requests(200)) {
                String answer = world.peoplesAnswer(request);
                EncodedAnswer encoded = format.encode(Conversation.ask(request.text()), Answer.of(answer));
                assertThat(encoded.promptIds()).doesNotContain(unknown.iterator().next());
                assertThat(encoded.answerIds()).doesNotContain(unknown.iterator().next()).endsWith(tokenizer.id("<|end|>"));
                int[] words = java.util.Arrays.copyOf(encoded.answerIds(), encoded.answerIds().length - 1);
                assertThat(tokenizer.decode(words, true)).isEqualTo(answer);
            }
        }
    }
}
