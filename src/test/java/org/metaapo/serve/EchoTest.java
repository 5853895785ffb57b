package org.metaapo.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.engine.GeneratedToken;
import org.metaapo.text.Tokenizer;

/** A prompt comes back as it was given, of tokenizers that spell it otherwise too. */
class EchoTest {
    private static final Path TOKENIZERS = Path.of("src/test/resources/tokenizers");

    private static Choice echoed(Tokenizer tokenizer, String given, int[] ids) {
        Choice choice = new Choice(0, new Ask(List.of(), Collections.singletonList(given), 1, List.of(), true, 0, 0, false, false), tokenizer);
        List<GeneratedToken> made = IntStream.range(1, ids.length)
                .mapToObj(i -> new GeneratedToken(0, GeneratedToken.PROMPT, ids[i], GeneratedToken.Finish.GOES_ON, -1, new int[0], new float[0])).toList();
        choice.echo(given, ids, made);
        return choice;
    }

    @ParameterizedTest
    @ValueSource(strings = {"How many words", "  two blanks", "na\u00efve \ud83d\ude42 \u6f22\u5b57", "x"})
    void aTextIsNotSpelledAnew(String text) {
        for (String name : List.of("mistral", "qwen2.5", "llama-3")) {
            try (Tokenizer tokenizer = Tokenizer.load(TOKENIZERS.resolve(name))) {
                int[] ids = tokenizer.encode(text);
                Choice choice = echoed(tokenizer, text, ids);
                assertThat(choice.take()).as(name).isEqualTo(text);
                List<Choice.Told> told = choice.takeTold();
                assertThat(told).hasSize(ids.length);
                for (int i = 1; i < ids.length; i++) {
                    Choice.Told token = told.get(i);
                    assertThat(token.text().contains("\ufffd") || text.startsWith(token.text(), text.offsetByCodePoints(0, token.offset())))
                            .as("%s: token %d, %s at %d", name, i, token.text(), token.offset()).isTrue();
                }
            }
        }
    }

    @Test
    void idsAreSpelled() {
        try (Tokenizer tokenizer = Tokenizer.load(TOKENIZERS.resolve("llama-3"))) {
            assertThat(echoed(tokenizer, null, tokenizer.encode("How many words")).take()).isEqualTo("How many words");
        }
    }
}
