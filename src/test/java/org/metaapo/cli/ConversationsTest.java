package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Conversations with tool calls, reasoning, further turns and template variables: texts and log-probs of transformers. */
class ConversationsTest extends CommandTest {
    private static final String KWARGS = "{\"enable_thinking\": false}";

    private static Path resource(String name) {
        try {
            return Path.of(ConversationsTest.class.getResource("/conversations/" + name).toURI());
        } catch (URISyntaxException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** A fixture's folder with a template. */
    private String model(String fixture, String template) throws IOException {
        Path folder = Files.createDirectories(temp.resolve(fixture + "-" + template));
        try (var files = Files.list(Fixtures.path(fixture))) {
            for (Path file : files.toList()) {
                Files.write(folder.resolve(file.getFileName()), Files.readAllBytes(file));
            }
        }
        Files.write(folder.resolve("chat_template.jinja"), Files.readAllBytes(resource(template + ".jinja")));
        return folder.toString();
    }

    private JsonNode line(String... arguments) {
        assertThat(run(arguments)).as(err).isZero();
        return Json.parse(out.lines().findFirst().orElseThrow(), "output");
    }

    private JsonNode score(String model, Path data, String... more) {
        String[] arguments = {"score", "--model", model, "--data", data.toString(), "--dtype", "f32", "--threads", "1", "--quiet"};
        String[] all = Arrays.copyOf(arguments, arguments.length + more.length);
        System.arraycopy(more, 0, all, arguments.length, more.length);
        return line(all);
    }

    @Test
    void logProbsAreThoseOfTransformers() throws IOException {
        Map<String, double[]> golden = new LinkedHashMap<>();
        golden.put("tools_list", new double[] {-29.9811, 5, -41.3302, 6});
        golden.put("tools_string", new double[] {-29.9811, 5, -41.3302, 6});
        golden.put("pair_reasoning", new double[] {-132.6958, 20, -120.3343, 18});
        golden.put("pair_toolcall", new double[] {-152.5609, 23, -41.5604, 7});
        golden.put("rej_longer", new double[] {-23.9831, 3, -175.5587, 25});
        golden.put("kwargs", new double[] {-13.1093, 2, -14.0869, 2});
        List<String> arguments = new ArrayList<>(List.of("score", "--model", model("tiny-llama", "tools"), "--dtype", "f32", "--threads", "1", "--quiet", "--data"));
        golden.keySet().forEach(name -> arguments.add(resource(name + ".jsonl").toString()));
        assertThat(run(arguments.toArray(String[]::new))).as(err).isZero();
        List<JsonNode> lines = out.lines().map(line -> Json.parse(line, "output")).toList();
        int row = 0;
        for (Map.Entry<String, double[]> each : golden.entrySet()) {
            JsonNode line = lines.get(row++);
            double[] found = {
                line.path("chosen_logp").asDouble(), line.path("chosen_tokens").asInt(), line.path("rejected_logp").asDouble(),
                line.path("rejected_tokens").asInt()
            };
            assertThat(found).as(each.getKey()).containsExactly(each.getValue(), Offset.offset(2e-4));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tools", "thinkprompt"})
    void textsAreThoseOfTransformers(String template) throws IOException {
        List<String> arguments = new ArrayList<>(
                List.of("inspect", "--model", model("tiny-llama", template), "--out", "-", "--keep-template-tail", "--quiet", "--data"));
        JsonNode golden = Json.read(resource("expected.json"));
        int wantedSides = 0;
        for (Map.Entry<String, JsonNode> each : golden.properties()) {
            boolean refused = List.of("prompt_disagrees.jsonl", "rej_full_conv.jsonl", "pair_prompt_sys.jsonl").contains(each.getKey());
            if (!refused && each.getValue().path("model").asText().equals("model-" + template)) {
                arguments.add(resource(each.getKey()).toString());
                wantedSides += each.getValue().path("expected").size();
            }
        }
        assertThat(run(arguments.toArray(String[]::new))).as(err).isZero();
        for (String each : out.lines().toList()) {
            JsonNode line = Json.parse(each, "output");
            String data = line.path("source").asText().replaceAll(".*/|:.*", "");
            String side = line.path("side").asText();
            JsonNode wanted = golden.path(data).path("expected").path(
                    side.equals("answer") ? data.startsWith("compl") ? "completion" : "messages" : side);
            assertThat(line.has("dropped")).isFalse();
            assertThat(line.path("prompt_text").asText()).as(data).isEqualTo(wanted.path("prompt").asText());
            assertThat(line.path("text").asText()).as(data).isEqualTo(wanted.path("whole").asText());
        }
        assertThat(out.lines().count()).isEqualTo(wantedSides).isPositive();
    }

    @Test
    void promptsJoinTheAnswersHistoryOrContradictIt() throws IOException {
        String model = model("tiny-llama", "tools");
        assertThat(run("inspect", "--model", model, "--data", resource("pair_prompt_sys.jsonl").toString(), "--out", "-", "--quiet")).isZero();
        assertThat(Json.parse(out.lines().findFirst().orElseThrow(), "output").path("prompt_text").asText())
                .isEqualTo("[system]Be brief.<|eot_id|>\n[user]Hi<|eot_id|>\n[assistant]");
        assertFails(3, "prompt and chosen contradict each other", "score", "--model", model, "--data", resource("prompt_disagrees.jsonl").toString());
        assertFails(3, "prompt and rejected contradict each other", "score", "--model", model, "--data", resource("rej_full_conv.jsonl").toString());
    }

    @Test
    void aMergingThoughtKeepsThePromptsTokens() throws IOException {
        String model = model("tiny-llama", "thinkprompt");
        JsonNode kept = score(model, resource("q35.jsonl"));
        assertThat(kept.path("chosen_tokens").asInt()).isEqualTo(10);
        JsonNode common = score(model, resource("q35.jsonl"), "--boundary", "common");
        assertThat(common.path("chosen_logp").asDouble()).isNotEqualTo(kept.path("chosen_logp").asDouble());
        assertThat(run("inspect", "--model", model, "--data", resource("q35.jsonl").toString(), "--quiet")).isZero();
        assertThat(out).contains("answers that merge                  2", "! merged-boundary  2 of 2 answers");
    }

    @Test
    void templatesFailWhereAMissingFilterIsReachedAlone() throws IOException {
        String model = model("tiny-llama", "untaken");
        score(model, resource("q35.jsonl"));
        Path raw = write("raw.jsonl", "{\"prompt\": [{\"role\": \"user\", \"content\": \"Hi\", \"raw\": \"x\"}], \"chosen\": \"a\", \"rejected\": \"b\"}\n");
        assertFails(3, "no filter \"from_json\" is supported", "score", "--model", model, "--data", raw.toString());
    }

    @Test
    void variablesOfTheCommandLineReachTheTemplateAndGiveWayToTheRows() throws IOException {
        String model = model("tiny-llama", "tools");
        JsonNode column = score(model, resource("kwargs.jsonl"));
        assertThat(score(model, resource("q35.jsonl"), "--chat-template-kwargs", KWARGS)).isEqualTo(column);
        assertThat(score(model, resource("q35.jsonl"))).isNotEqualTo(column);
        assertThat(score(model, resource("kwargs.jsonl"), "--chat-template-kwargs", "{\"enable_thinking\": true}")).isEqualTo(column);
        JsonNode generated = line("generate", "--model", model, "--data", resource("q35.jsonl").toString(), "--greedy", "--max-new-tokens", "4", "--k", "1",
                "--dtype", "f32", "--threads", "1", "--quiet", "--chat-template-kwargs", KWARGS);
        assertThat(generated.path("chat_template_kwargs").path("enable_thinking").asBoolean(true)).isFalse();
        Path spelled = write("spelled.jsonl", Json.write(Map.of(
                "prompt", List.of(Map.of("role", "user", "content", "2+2?")), "chosen", "<think></think>4", "rejected", "<think></think>5")) + "\n");
        String reward = model("tiny-rm", "tools");
        JsonNode wanted = line("reward", "--model", reward, "--data", spelled.toString(), "--dtype", "f32", "--threads", "1", "--quiet");
        for (String[] how : new String[][] {{"kwargs.jsonl"}, {"q35.jsonl", "--chat-template-kwargs", KWARGS}}) {
            String[] all = {"reward", "--model", reward, "--data", resource(how[0]).toString(), "--dtype", "f32", "--threads", "1", "--quiet"};
            String[] arguments = Arrays.copyOf(all, all.length + how.length - 1);
            System.arraycopy(how, 1, arguments, all.length, how.length - 1);
            JsonNode found = line(arguments);
            assertThat(found.path("score_chosen")).isEqualTo(wanted.path("score_chosen"));
            assertThat(found.path("score_rejected")).isEqualTo(wanted.path("score_rejected"));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "[1] | --chat-template-kwargs: expected an object, such as {\"enable_thinking\": false}, found a list of 1",
        "enable | not valid JSON",
        "{\"messages\": []} | --chat-template-kwargs: messages is no variable of a template",
    })
    void variablesThatAreNone(String given, String words) throws IOException {
        assertFails(2, words, "score", "--model", fixture("tiny-llama"), "--data", resource("q35.jsonl").toString(), "--chat-template-kwargs", given);
    }

    @Test
    void aLocalRewardModelReadsAllTurns() throws IOException {
        String reward = model("tiny-rm", "tools");
        JsonNode rich = line("reward", "--model", reward, "--data", resource("pair_toolcall.jsonl").toString(), "--dtype", "f32", "--threads", "1", "--quiet");
        assertThat(rich.path("chosen").get(0).path("tool_calls").get(0).path("function").path("name").asText()).isEqualTo("now");
        assertThat(rich.path("tools").get(0).path("function").path("name").asText()).isEqualTo("now");
        Path spelled = write("spelled.jsonl", Json.write(Map.of(
                "prompt", List.of(Map.of("role", "user", "content", "Time?")), "chosen", "I look.<call>now({})</call>", "rejected", "It is noon.",
                "tools", Json.plain(Json.parse(Files.readString(resource("pair_toolcall.jsonl")), "row").path("tools")))) + "\n");
        JsonNode wanted = line("reward", "--model", reward, "--data", spelled.toString(), "--dtype", "f32", "--threads", "1", "--quiet");
        assertThat(rich.path("score_chosen")).isEqualTo(wanted.path("score_chosen"));
        assertThat(rich.path("score_rejected")).isEqualTo(wanted.path("score_rejected"));
    }

    @Test
    void inspectTellsWhatDoesNotReachTheModel() throws IOException {
        String model = model("tiny-llama", "tools");
        Path rows = write("rows.jsonl", "{\"id\": 1, \"prompt\": [{\"role\": \"user\", \"content\": \"Hi\", \"mood\": \"glad\"}], \"chosen\": \"a\", \"rejected\": \"b\","
                + " \"chat_template_kwargs\": {\"enable_thinkng\": true}}\n");
        assertThat(run("inspect", "--model", model, "--data", rows.toString(), "--check", "--quiet")).as(out).isZero();
        assertThat(out).contains(
                "! not-in-template  1 of 1 rows (100.0 %) have enable_thinkng, which the chat template never reads",
                "! not-in-template  1 of 1 rows (100.0 %) have mood, which the chat template never reads", "columns not read                    1  id");
        Path plain = write("plain.jsonl", "{\"prompt\": \"Hi\", \"chosen\": \"a\", \"rejected\": \"b\"}\n");
        assertThat(run("inspect", "--model", model, "--data", plain.toString(), "--check", "--quiet")).isZero();
        assertThat(out).contains("! plain-prompts  1 of 1 rows (100.0 %) are plain text, and the model has a chat template, which is not used");
        Path other = write("other.jsonl", "{\"prompt\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"response_0\": \"a\", \"response_1\": \"b\", \"better_response_id\": 1}\n");
        assertThat(run("inspect", "--model", model, "--data", other.toString(), "--check", "--quiet")).isZero();
        assertThat(out).contains("! prompts-alone  1 of 1 rows (100.0 %) are read as prompts alone (further columns found: response_0, response_1, better_response_id)");
        assertFails(3, "has no pair; this recipe needs chosen and rejected (further columns found: response_0", "train", config("dpo", model, other).toString());
    }

    private Path config(String recipe, String model, Path data, String... more) throws IOException {
        return write("run.yaml", "recipe: " + recipe + "\nout: " + temp.resolve("run") + "\nmodel: {path: " + model + "}\ndata: {train: [" + data
                + "]" + String.join("", more) + "}\nrollout: {max_new_tokens: 8}\ntrain: {batch: 2}\n"
                + (recipe.equals("metaapo") ? "reward: {path: " + fixture("tiny-rm") + "}\n" : ""));
    }

    @Test
    void theCommonBoundaryIsForRunsThatDoNotSample() throws IOException {
        String model = model("tiny-llama", "thinkprompt");
        assertFails(2, "data.boundary: common is for runs that do not sample, found recipe metaapo",
                "train", config("metaapo", model, resource("q35.jsonl"), ", boundary: common").toString());
        assertThat(run("train", config("dpo", model, resource("q35.jsonl"), ", boundary: common").toString(), "dtype=f32", "threads=1")).as(err).isZero();
        assertThat(run("plan", config("metaapo", model, resource("q35.jsonl"), ", boundary: common").toString(), "rollout.decision=none")).as(err).isZero();
    }

    @Test
    void trainingTellsOfVariablesThatNoTemplateReads() throws IOException {
        String model = model("tiny-llama", "tools");
        Path file = config("dpo", model, resource("q35.jsonl"), ", chat_template_kwargs: {enable_thinkng: false}");
        assertThat(run("train", file.toString(), "dtype=f32", "threads=1")).as(err).isZero();
        assertThat(err).contains("data.chat_template_kwargs: the chat template never reads enable_thinkng");
    }
}
