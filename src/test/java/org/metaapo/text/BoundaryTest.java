package org.metaapo.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/**
 * Where an answer begins, against transformers' tokens and TRL 1.16's rule: {@code boundaries.json} has thinking templates of many kinds
 * and what they make of plain rows, reasoning, further turns and merging answers.
 */
class BoundaryTest {
    private static final JsonNode GOLDEN = Json.parse(text("templates/boundaries.json"), "boundaries.json");

    @TempDir
    Path temp;

    private static Path resource(String name) {
        try {
            return Path.of(BoundaryTest.class.getResource("/" + name).toURI());
        } catch (URISyntaxException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Llama's template asks for today's date where it is given none; this is the day on which the golden data was made. */
    private static final String GOLDEN_DAY = "{%- set date_string = \"28 Nov 2026\" %}";

    private static String text(String name) {
        return StrictText.read(resource(name));
    }

    private static List<Message> turns(JsonNode list) {
        List<Message> turns = new ArrayList<>();
        for (JsonNode turn : list) {
            Map<String, Object> fields = new TreeMap<>();
            turn.properties().forEach(entry -> fields.put(entry.getKey(), Json.plain(entry.getValue())));
            turns.add(new Message(turn.path("role").asText(), turn.path("content").asText(), fields));
        }
        return turns;
    }

    private static int[] ids(JsonNode array) {
        int[] ids = new int[array.size()];
        Arrays.setAll(ids, i -> array.get(i).asInt());
        return ids;
    }

    private static Conversation prompt(JsonNode row) {
        Map<String, Object> variables = new TreeMap<>();
        row.path("kwargs").properties().forEach(entry -> variables.put(entry.getKey(), Json.plain(entry.getValue())));
        return new Conversation(turns(row.path("prompt")), null, null, variables);
    }

    private static List<Answer> answers(JsonNode row) {
        List<Answer> answers = new ArrayList<>();
        row.path("answers").forEach(answer -> answers.add(new Answer(turns(answer))));
        return answers;
    }

    /** A folder with a tokenizer and a template. */
    private Path folder(String tokenizer, String template) throws IOException {
        Path folder = Files.createDirectories(temp.resolve(tokenizer + "-" + template));
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.write(folder.resolve(file), Files.readAllBytes(resource("tokenizers/" + tokenizer + "/" + file)));
        }
        JsonNode own = GOLDEN.path("templates").path(template);
        Files.writeString(folder.resolve("chat_template.jinja"), own.isTextual() ? own.textValue() : GOLDEN_DAY + text("templates/" + template + ".jinja"));
        return folder;
    }

    private static ChatFormat format(Path folder, Tokenizer tokenizer, ChatOptions.Boundary boundary) {
        return ChatFormat.load(folder, tokenizer, new int[0], new ChatOptions(true, null, false, boundary));
    }

    /** A template that ends answers with no stop token gets the tokenizer's. */
    private static int[] ended(int[] ids, ChatFormat format) {
        if (Arrays.stream(ids).anyMatch(id -> Arrays.stream(format.stopIds()).anyMatch(stop -> stop == id))) {
            return ids;
        }
        int[] ended = Arrays.copyOf(ids, ids.length + 1);
        ended[ids.length] = format.tokenizer().id(format.tokenizer().specialToken("eos_token"));
        return ended;
    }

    @Test
    void answersBeginAfterThePromptAsSampledOrWhereTrlHasThem() throws IOException {
        int refused = 0;
        int merged = 0;
        for (JsonNode each : GOLDEN.path("cases")) {
            String name = each.path("tokenizer").asText() + ", " + each.path("template").asText() + ", row " + each.path("row");
            JsonNode row = GOLDEN.path("rows").path(each.path("row").asInt());
            Path folder = folder(each.path("tokenizer").asText(), each.path("template").asText());
            try (Tokenizer tokenizer = Tokenizer.load(folder)) {
                ChatFormat kept = format(folder, tokenizer, ChatOptions.Boundary.PROMPT);
                ChatFormat trl = format(folder, tokenizer, ChatOptions.Boundary.COMMON);
                if (each.has("error")) {
                    assertThatThrownBy(() -> kept.encode(prompt(row), answers(row))).as(name).isInstanceOf(DataException.class);
                    continue;
                }
                List<EncodedAnswer> common = trl.encode(prompt(row), answers(row));
                int[] prompt = ids(each.path("prompt"));
                boolean contradicts = false;
                for (int i = 0; i < common.size(); i++) {
                    int[] whole = ids(each.path("whole").get(i));
                    int from = each.path("common").asInt();
                    assertThat(common.get(i).promptIds()).as(name).containsExactly(Arrays.copyOf(prompt, from));
                    assertThat(common.get(i).answerIds()).as(name).containsExactly(ended(Arrays.copyOfRange(whole, from, whole.length), trl));
                    contradicts |= each.path("rest").get(i).isNull();
                }
                assertThat(kept.encodePrompt(prompt(row))).as(name).containsExactly(prompt);
                if (contradicts) {
                    assertThatThrownBy(() -> kept.encode(prompt(row), answers(row))).as(name)
                            .isInstanceOf(DataException.class)
                            .hasMessageContaining("does not keep the prompt").hasMessageContaining("data.boundary: common").hasMessageContaining("online-dpo");
                    refused++;
                    continue;
                }
                List<EncodedAnswer> encoded = kept.encode(prompt(row), answers(row));
                List<EncodedAnswer> cut = ChatFormat.load(folder, tokenizer, new int[0], ChatOptions.DEFAULT).encode(prompt(row), answers(row));
                for (int i = 0; i < encoded.size(); i++) {
                    assertThat(encoded.get(i).promptIds()).as(name).containsExactly(prompt);
                    assertThat(encoded.get(i).answerIds()).as(name).containsExactly(ended(ids(each.path("rest").get(i)), kept));
                    assertThat(encoded.get(i).answerIds()).as(name).startsWith(cut.get(i).answerIds());
                    assertThat(encoded.get(i).parted() > 0).as(name)
                            .isEqualTo(Arrays.mismatch(prompt, ids(each.path("whole").get(i))) < prompt.length);
                    merged += encoded.get(i).parted() > 0 ? 1 : 0;
                }
            }
        }
        assertThat(refused).isGreaterThan(30);
        assertThat(merged).isGreaterThan(50);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "cut-thought | data.boundary: common",
        "dropped-thought | data.boundary: common",
        "last-turn | data.boundary: common",
        "variable-thought | data.chat_template_kwargs: {thinking: true}",
        "tulu | data.boundary: common",
    })
    void theErrorNamesWaysOutThatHold(String template, String way) throws IOException {
        JsonNode row = GOLDEN.path("rows").path(0);
        Path folder = folder("qwen2.5", template);
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            ChatFormat format = format(folder, tokenizer, ChatOptions.Boundary.PROMPT);
            assertThatThrownBy(() -> format.encode(prompt(row), answers(row))).hasMessageContaining("ways out: " + way);
        }
    }

    @Test
    void reasoningInTheRowsIsNamedWhereItHelps() throws IOException {
        Path folder = folder("qwen2.5", "chatml");
        Files.writeString(folder.resolve("chat_template.jinja"), "{% for m in messages %}[{{ m.role }}]"
                + "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}<|im_end|>{% endfor %}"
                + "{% if add_generation_prompt %}[assistant]<think>{% endif %}");
        JsonNode row = GOLDEN.path("rows").path(0);
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            ChatFormat format = format(folder, tokenizer, ChatOptions.Boundary.PROMPT);
            assertThatThrownBy(() -> format.encode(prompt(row), answers(row)))
                    .hasMessageContaining("answers with their reasoning_content; answers that begin with <think>…</think>; data.boundary");
        }
    }

    @ParameterizedTest
    @CsvSource({"legacy", "mistral", "qwen2.5", "llama-3"})
    void aSampledAnswersTextIsWhatItAddsToThePrompt(String name) throws IOException {
        Path folder = folder(name, "chatml");
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            ChatFormat format = format(folder, tokenizer, ChatOptions.Boundary.PROMPT);
            for (String[] both : new String[][] {
                {"The dawn of", " the day"}, {"The dawn of ", "the day"}, {"A list:", "\n\n- one"}, {"Ein Wort: na", "ïve 北京 🍕"}
            }) {
                EncodedAnswer encoded = format.encodePlain(both[0], both[1]);
                assertThat(encoded.promptIds()).containsExactly(format.encodePlainPrompt(both[0]));
                assertThat(format.answerText(encoded.promptIds(), encoded.answerIds(), true)).as(both[0] + "|" + both[1]).isEqualTo(both[1]);
            }
        }
    }
}
