package org.metaapo.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.files.Fixtures;

/** Tokens of a prompt and its answer are those of the whole text, though the prompt is tokenized once. */
class PromptTokensTest {
    private static final String[] WORDS = {
        "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|endoftext|>", "<|im_start|", "|>",
        " ", "\n", "\n\n", "  ", "user", "assistant", "the ", "Ünïcode", "世界", "🙂", "e\u0301", "'s", "123", "4567", "_", "!?"
    };

    @ParameterizedTest
    @ValueSource(strings = {"tiny-qwen2", "tiny-llama"})
    void continuedIsTheWholeTokenizedAtOnce(String model) {
        Random random = new Random(5);
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.path(model))) {
            for (int i = 0; i < 3000; i++) {
                String prompt = text(random, 1 + random.nextInt(12));
                PromptTokens tokens = PromptTokens.of(tokenizer, prompt);
                assertThat(tokens.ids()).isEqualTo(tokenizer.encode(prompt));
                String whole = prompt + text(random, random.nextInt(8));
                assertThat(tokens.continued(whole)).as(whole).isEqualTo(tokenizer.encode(whole));
            }
        }
    }

    private static String text(Random random, int words) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < words; i++) {
            text.append(WORDS[random.nextInt(WORDS.length)]);
        }
        return text.toString();
    }
}
