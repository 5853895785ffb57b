package org.metaapo.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.model.ModelFolder;

/** Texts and ids against transformers' own. */
class GoldenTextTest {
    private static ChatFormat open(String name, Tokenizer tokenizer) {
        Path folder = Fixtures.path(name);
        try (ModelFolder model = ModelFolder.open(folder)) {
            return ChatFormat.load(folder, tokenizer, model.stopIds(), false);
        }
    }

    private static int[] ids(JsonNode array) {
        int[] ids = new int[array.size()];
        Arrays.setAll(ids, i -> array.get(i).asInt());
        return ids;
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-qwen2"})
    void promptAndAnswerIdsAreThoseOfTransformers(String name) {
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.path(name))) {
            ChatFormat format = open(name, tokenizer);
            for (JsonNode pair : Json.read(Fixtures.path(name + ".golden.json")).path("pairs")) {
                Conversation prompt = Conversation.ask(pair.path("question").asText());
                for (String side : List.of("chosen", "rejected")) {
                    JsonNode golden = pair.path(side);
                    EncodedAnswer encoded = format.encode(prompt, Answer.of(golden.path("answer").asText()));
                    int[] all = ids(golden.path("ids"));
                    int split = golden.path("prompt_tokens").asInt();
                    assertThat(encoded.promptIds()).containsExactly(Arrays.copyOf(all, split));
                    assertThat(encoded.answerIds()).containsExactly(Arrays.copyOfRange(all, split, all.length));
                    assertThat(encoded.text()).startsWith(pair.path("prompt_text").asText());
                    assertThat(format.encodePrompt(prompt)).containsExactly(encoded.promptIds());
                }
            }
        }
    }

    @Test
    @DisplayName("axolotl#1616, trl#3853, SimPO#21: one BOS, one EOS")
    void oneEosAndOneBos() {
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.path("tiny-llama"))) {
            ChatFormat format = open("tiny-llama", tokenizer);
            EncodedAnswer encoded = format.encode(Conversation.ask("Hi"), Answer.of("Yes."));
            int bos = tokenizer.id(tokenizer.specialToken("bos_token"));
            assertThat(encoded.promptIds()).startsWith(bos);
            assertThat(Arrays.stream(encoded.promptIds()).filter(id -> id == bos).count()).isEqualTo(1);
            assertThat(encoded.answerIds()).doesNotContain(bos);
            assertThat(Arrays.stream(encoded.answerIds()).filter(id -> Arrays.stream(format.stopIds()).anyMatch(s -> s == id)).count())
                    .isEqualTo(1);
            EncodedAnswer plain = format.encodePlain("Name a prime:", " seven" + tokenizer.specialToken("eos_token"));
            assertThat(plain.answerIds()).endsWith(tokenizer.id(tokenizer.specialToken("eos_token")));
            assertThat(Arrays.stream(plain.answerIds()).filter(id -> id == plain.answerIds()[plain.answerIds().length - 1]).count())
                    .isEqualTo(1);
        }
    }

    @Test
    @DisplayName("trl#2054: a prompt that merges with its answer keeps its tokens, or loses them as in TRL")
    void aPromptThatMergesWithItsAnswerKeepsItsTokens() {
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.path("tiny-llama"))) {
            EncodedAnswer kept = open("tiny-llama", tokenizer).encodePlain("Name a prime: ", "seven");
            assertThat(kept.promptIds()).containsExactly(480, 478, 258, 273, 259, 309, 25, 220);
            assertThat(kept.answerIds()).containsExactly(82, 68, 295, 77, 484);
            assertThat(kept.parted()).isEqualTo(1);
            ChatFormat trl = ChatFormat.load(
                    Fixtures.path("tiny-llama"), tokenizer, new int[] {484}, new ChatOptions(false, null, false, ChatOptions.Boundary.COMMON));
            EncodedAnswer common = trl.encodePlain("Name a prime: ", "seven");
            assertThat(common.promptIds()).containsExactly(480, 478, 258, 273, 259, 309, 25);
            assertThat(common.answerIds()).containsExactly(261, 68, 295, 77, 484);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-qwen2", "tiny-rm"})
    void textSurvivesEncodingAndDecoding(String name) {
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.path(name))) {
            for (String text : List.of("", "plain", " spaces  and\ttabs\n", "Grüße, 世界 🙂", "{{ messages }} {% raw %}")) {
                assertThat(tokenizer.decode(tokenizer.encode(text), false)).isEqualTo(text);
            }
        }
    }
}
