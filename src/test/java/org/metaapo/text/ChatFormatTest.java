package org.metaapo.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.error.DataException;
import org.metaapo.error.MetaapoException;
import org.metaapo.files.Fixtures;

/** One BOS, one EOS, and files that are not what they should be. */
class ChatFormatTest {
    private static final Conversation PROMPT = Conversation.ask("Name a prime.");

    @TempDir
    Path folder;

    /** tiny-llama's tokenizer with another template; eos is "<|eot_id|>". */
    private EncodedAnswer encode(String template, String answer, boolean keepTail) throws IOException {
        copyTokenizer();
        Files.writeString(folder.resolve("chat_template.jinja"), template);
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            return ChatFormat.load(folder, tokenizer, new int[] {tokenizer.id("<|eot_id|>")}, keepTail).encode(PROMPT, Answer.of(answer));
        }
    }

    private void copyTokenizer() throws IOException {
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.write(folder.resolve(name), Files.readAllBytes(Fixtures.path("tiny-llama/" + name)));
        }
    }

    @Test
    void partsThatATemplateWritesAsAListAreRefused() throws IOException {
        copyTokenizer();
        Conversation parts = new Conversation(List.of(new Message("user", "Hi there", Map.of(
                "role", "user", "content", List.of(Map.of("type", "text", "text", "Hi there"))))));
        for (boolean reads : new boolean[] {true, false}) {
            Files.writeString(folder.resolve("chat_template.jinja"), reads
                    ? "{% for m in messages %}{{ m.content if m.content is string else m.content | map(attribute='text') | join }}{% endfor %}"
                    : template("<|eot_id|>"));
            try (Tokenizer tokenizer = Tokenizer.load(folder)) {
                ChatFormat format = ChatFormat.load(folder, tokenizer, new int[] {484}, false);
                if (reads) {
                    assertThat(format.render(parts, false)).isEqualTo("Hi there");
                } else {
                    assertThatThrownBy(() -> format.render(parts, false)).isInstanceOf(DataException.class)
                            .hasMessageContaining("does not read a content of parts").hasMessageContaining("write the content as a text");
                }
            }
        }
        Conversation large = new Conversation(List.of(new Message("user", "Hi", Map.of(
                "role", "user", "content", "Hi", "n", new java.math.BigInteger("12345678901234567890")))));
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            assertThatThrownBy(() -> ChatFormat.load(folder, tokenizer, new int[] {484}, false).render(large, false))
                    .isInstanceOf(DataException.class).hasMessageContaining("more than 64 bits");
        }
    }

    private static String template(String end) {
        return "{% for m in messages %}[{{ m.role }}]{{ m.content }}" + end + "{% endfor %}"
                + "{% if add_generation_prompt %}[assistant]{% endif %}";
    }

    private long count(int[] ids) {
        return Arrays.stream(ids).filter(id -> id == 484).count();
    }

    @Test
    void aTemplateWithoutEosGetsExactlyOne() throws IOException {
        EncodedAnswer encoded = encode(template("; "), "Seven", false);
        assertThat(encoded.answerIds()).endsWith(484);
        assertThat(count(encoded.answerIds())).isEqualTo(1);
    }

    @Test
    @DisplayName("trl#4481: exactly one EOS, whatever the template wrote")
    void aTemplateThatWritesEosTwiceKeepsOne() throws IOException {
        EncodedAnswer encoded = encode(template("<|eot_id|>\n<|eot_id|>\n"), "Seven", false);
        assertThat(encoded.answerIds()).endsWith(484);
        assertThat(count(encoded.answerIds())).isEqualTo(1);
    }

    @Test
    void theTemplatesTailIsCutUnlessItIsToBeKept() throws IOException {
        int[] cut = encode(template("<|eot_id|>\n\n"), "Seven", false).answerIds();
        int[] kept = encode(template("<|eot_id|>\n\n"), "Seven", true).answerIds();
        assertThat(cut).endsWith(484);
        assertThat(kept).startsWith(cut).hasSizeGreaterThan(cut.length);
    }

    @Test
    void anAnswerThatEndsWithEosKeepsOne() throws IOException {
        EncodedAnswer encoded = encode(template("<|eot_id|>\n"), "Seven<|eot_id|>", false);
        assertThat(count(encoded.answerIds())).isEqualTo(1);
    }

    @Test
    void anEosInsideAnAnswerIsAnError() {
        assertThatThrownBy(() -> encode(template("<|eot_id|>\n"), "Seven<|eot_id|> or eleven", false))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("<|eot_id|>");
    }

    @Test
    void aTemplateThatRewritesThePromptIsAnError() {
        String rewriting = "{% for m in messages %}{{ loop.length }}[{{ m.role }}]{{ m.content }}<|eot_id|>{% endfor %}";
        assertThatThrownBy(() -> encode(rewriting, "Seven", false)).isInstanceOf(DataException.class).hasMessageContaining("prompt");
    }

    @Test
    void aTemplateThatRaisesNamesItsFileAndPlace() {
        assertThatThrownBy(() -> encode("{{ raise_exception('no') }}", "Seven", false))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("chat_template.jinja, line 1, column ")
                .hasMessageContaining("no");
    }

    @Test
    void aListOfNamedTemplatesUsesItsDefault() throws IOException {
        copyTokenizer();
        String config = "{\"eos_token\": {\"content\": \"<|eot_id|>\"}, \"chat_template\": [{\"name\": \"tool_use\", \"template\": \"T\"},"
                + "{\"name\": \"default\", \"template\": \"D{{ eos_token }}\"}]}";
        Files.writeString(folder.resolve("tokenizer_config.json"), config);
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            assertThat(ChatFormat.load(folder, tokenizer, new int[0], false).render(PROMPT, true)).isEqualTo("D<|eot_id|>");
        }
    }

    private String named(String chosen, Object tools) {
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            ChatFormat format = ChatFormat.load(folder, tokenizer, new int[0], new ChatOptions(false, chosen, false));
            return format.render(new Conversation(PROMPT.turns(), tools, null), true);
        }
    }

    @Test
    void namedTemplatesAreChosenByNameOrByTools() throws IOException {
        copyTokenizer();
        List<Object> tools = List.of(java.util.Map.of("name", "f"));
        Files.writeString(folder.resolve("tokenizer_config.json"),
                "{\"chat_template\": {\"default\": \"D\", \"tool_use\": \"T{{ tools[0].name }}\", \"rag\": \"R\"}}");
        assertThat(named(null, null)).isEqualTo("D");
        assertThat(named(null, tools)).isEqualTo("Tf");
        assertThat(named("rag", tools)).isEqualTo("R");
        assertThatThrownBy(() -> named("nope", null))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no chat template named 'nope'")
                .hasMessageContaining("default, tool_use, rag");
        // Files come before tokenizer_config.json.
        Files.writeString(folder.resolve("chat_template.json"), "{\"chat_template\": \"J\"}");
        assertThat(named(null, tools)).isEqualTo("J");
        Files.createDirectory(folder.resolve("additional_chat_templates"));
        Files.writeString(folder.resolve("additional_chat_templates/tool_use.jinja"), "U");
        assertThat(named(null, tools)).isEqualTo("U");
        assertThatThrownBy(() -> named(null, null)).isInstanceOf(DataException.class).hasMessageContaining("none named 'default'");
        Files.writeString(folder.resolve("chat_template.jinja"), "F");
        assertThat(named(null, null)).isEqualTo("F");
        assertThat(named(null, tools)).isEqualTo("U");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[{\"template\": \"x\"}]", "[{\"name\": \"a\", \"template\": 3}]", "7", "{\"a\": null}", "\"{% if %}\"", "[3]"})
    void brokenTemplateListsAreOneLine(String templates) throws IOException {
        copyTokenizer();
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"chat_template\": " + templates + "}");
        assertThatThrownBy(() -> named(null, null))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("tokenizer_config.json")
                .hasMessageNotContaining("\n");
    }

    private EncodedAnswer marked(String template) throws IOException {
        copyTokenizer();
        Files.writeString(folder.resolve("chat_template.jinja"), template);
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            return ChatFormat.load(folder, tokenizer, new int[] {484}, new ChatOptions(false, null, true)).encode(PROMPT, Answer.of("Seven."));
        }
    }

    @Test
    void onlyMarkedTokensAreTrained() throws IOException {
        String turn = "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|eot_id|>"
                + "{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}";
        EncodedAnswer encoded = marked(turn);
        assertThat(encoded.answerIds()).endsWith(484).hasSameSizeAs(encoded.trained());
        assertThat(encoded.trained()).containsOnly(true);
        EncodedAnswer parts = marked("[x]{% generation %}one{% endgeneration %} not this {% generation %}two{% endgeneration %}tail");
        assertThat(parts.trained()).contains(true).contains(false);
        assertThat(parts.trained()[parts.trained().length - 1]).isTrue();
    }

    @Test
    void whatCannotBeMarkedIsAnError() {
        assertThatThrownBy(() -> marked("no marks")).isInstanceOf(DataException.class).hasMessageContaining("marks no token");
        assertThatThrownBy(() -> marked("{% generation %}all{% endgeneration %}")).isInstanceOf(DataException.class).hasMessageContaining("first token");
        assertThatThrownBy(() -> marked("a{% macro m() %}x{% generation %}y{% endgeneration %}{% endmacro %}{{ m() }}"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("line 1, column 21")
                .hasMessageContaining("macro");
    }

    @Test
    void anErrorOfManyLinesBecomesOne() {
        assertThatThrownBy(() -> encode("{{ raise_exception('a\\nb\\u2028c' ~ 'x' * 5000) }}", "Seven", false))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("a\\nb\\u2028c")
                .hasMessageNotContainingAny("\n", "\r", "\u2028");
    }

    @Test
    void loneSurrogatesAreRefused() {
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.path("tiny-llama"))) {
            for (String text : List.of("a\ud800", "\udc00b", "\ud83d x \ude00")) {
                assertThatThrownBy(() -> tokenizer.encode(text)).isInstanceOf(DataException.class).hasMessageContaining("lone surrogate");
            }
            assertThat(tokenizer.decode(tokenizer.encode("a\0b😀"), false)).isEqualTo("a\0b😀");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[]", "null", "{}", "{\"model\": 3}", "{\"model\": {\"type\": \"BPE\"}}", "{\"model\": {\"vocab\": {\"a\": \"x\"}}}",
        "{\"version\":\"1.0\",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}",
        "{\"version\":\"1.0\",\"model\":{\"type\":\"Nope\",\"vocab\":{\"a\":0}}}"})
    void aBrokenTokenizerIsOneLine(String json) throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), json);
        assertThatThrownBy(() -> Tokenizer.load(folder).close())
                .isInstanceOf(DataException.class)
                .hasMessageContaining("tokenizer.json")
                .hasMessageNotContaining("\n");
    }

    /** Bytes changed, cut or doubled at random: a clear failure or a tokenizer that works, never a crash. */
    @Test
    void damagedTokenizersNeverCrash() throws IOException {
        byte[] whole = Files.readAllBytes(Fixtures.path("tiny-llama/tokenizer.json"));
        Random random = new Random(20240705);
        String syntax = "{}[]\",:0129-etrufalsn";
        for (int run = 0; run < Integer.getInteger("fuzz.inputs", 200); run++) {
            byte[] damaged = whole.clone();
            int changes = 1 + random.nextInt(3);
            for (int i = 0; i < changes; i++) {
                int at = random.nextInt(random.nextBoolean() ? 2500 : damaged.length);
                damaged[at] = (byte) (random.nextInt(4) == 0 ? random.nextInt(256) : syntax.charAt(random.nextInt(syntax.length())));
            }
            if (random.nextInt(10) == 0) {
                damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length));
            }
            Files.write(folder.resolve("tokenizer.json"), damaged);
            try (Tokenizer tokenizer = Tokenizer.load(folder)) {
                tokenizer.decode(tokenizer.encode("Hello, wörld 😀"), false);
            } catch (MetaapoException refused) {
                assertThat(refused).hasMessageNotContaining("\n");
            }
        }
    }
}
