package org.metaapo.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.files.Fixtures;
import org.metaapo.model.ModelFolder;

/** Which tokens end an answer: 480 is {@code <|endoftext|>}, 482 {@code <|im_end|>}, with which ChatML ends a turn. */
class StopTokensTest {
    private static final String DIFFERS = "stop tokens differ: ";

    @TempDir
    private Path temp;

    private Path model(String generation, String config, String eos, boolean template) throws IOException {
        Path folder = Files.createTempDirectory(temp, "model");
        Path source = Fixtures.path("tiny-qwen2");
        try (var files = Files.list(source)) {
            for (Path file : files.filter(f -> f.toString().matches(".*(safetensors|index.json|tokenizer.json)")).toList()) {
                Files.copy(file, folder.resolve(file.getFileName().toString()));
            }
        }
        Files.writeString(folder.resolve("config.json"), Files.readString(source.resolve("config.json"))
                .replace("\"eos_token_id\": 482,", config == null ? "" : "\"eos_token_id\": " + config + ","));
        if (generation != null) {
            Files.writeString(folder.resolve("generation_config.json"), generation.isEmpty() ? "{}" : "{\"eos_token_id\": " + generation + "}");
        }
        Files.writeString(folder.resolve("tokenizer_config.json"), eos == null ? "{}" : "{\"eos_token\": \"" + eos + "\"}");
        if (template) {
            Files.copy(source.resolve("chat_template.jinja"), folder.resolve("chat_template.jinja"));
        }
        return folder;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            nullValues = "-",
            textBlock =
                    """
            482#       482#       <|im_end|>#    true#  482#     -
            [482,480]# 482#       <|im_end|>#    true#  482 480# -
            482#       482#       <|im_end|>#    false# 482#     -
            480#       482#       <|im_end|>#    false# 480#     generation_config.json has "<|endoftext|>" (480), config.json has "<|im_end|>" (482), the tokenizer has "<|im_end|>" (482); answers end with "<|endoftext|>" (480)
            ''#        482#       <|im_end|>#    true#  482#     -
            -#         482#       <|im_end|>#    true#  482#     -
            -#         [480,482]# <|im_end|>#    true#  480 482# -
            -#         482#       <|endoftext|># true#  482#     config.json has "<|im_end|>" (482), the tokenizer has "<|endoftext|>" (480), the template ends turns with "<|im_end|>" (482); answers end with "<|im_end|>" (482)
            -#         -#         <|im_end|>#    true#  482#     -
            -#         null#      <|endoftext|># false# 480#     -
            -#         -#         <|endoftext|># true#  480 482# the tokenizer has "<|endoftext|>" (480), the template ends turns with "<|im_end|>" (482); answers end with "<|endoftext|>" (480) or "<|im_end|>" (482)
            480#       480#       <|endoftext|># true#  480 482# generation_config.json has "<|endoftext|>" (480), config.json has "<|endoftext|>" (480), the tokenizer has "<|endoftext|>" (480), the template ends turns with "<|im_end|>" (482); answers end with "<|endoftext|>" (480) or "<|im_end|>" (482)
            -#         -#         -#             true#  482#     -
            -#         -#         -#             false# ''#      -
            """)
    void theFirstThatNamesOneCountsAndTheEndOfATurn(
            String generation, String config, String eos, boolean template, String stops, String difference) throws IOException {
        Path path = model(generation, config, eos, template);
        try (ModelFolder folder = ModelFolder.open(path);
                Tokenizer tokenizer = Tokenizer.load(path)) {
            ChatFormat format = ChatFormat.load(path, tokenizer, folder.stopIds(), false);
            assertThat(java.util.Arrays.toString(format.stopIds()).replaceAll("[\\[\\],]", "")).isEqualTo(stops);
            assertThat(StopTokens.difference(folder.stopSources(), format)).isEqualTo(difference == null ? null : DIFFERS + difference);
        }
    }

    /** A template that refuses the probe, and one that ends a turn with nothing. */
    @Test
    void aTemplateThatTellsNoEndAddsNone() throws IOException {
        for (String template : new String[] {"{{ raise_exception('no') }}", "{% for m in messages %}{{ m.content }}\n{% endfor %}"}) {
            Path path = model("480", null, null, false);
            Files.writeString(path.resolve("chat_template.jinja"), template);
            try (Tokenizer tokenizer = Tokenizer.load(path)) {
                ChatFormat format = ChatFormat.load(path, tokenizer, new int[] {480}, false);
                assertThat(format.stopIds()).containsExactly(480);
                assertThat(StopTokens.difference(Map.of("config.json", new int[] {480}), format)).isNull();
            }
        }
    }
}
