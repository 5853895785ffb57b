package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.metrics.Course;

/**
 * Rows that are longer than a model has positions, or than they may be: score and train follow one rule, and say what they do. As in
 * transformers, positions limit no log-prob; the golden numbers are its own, of a model of more positions and else the same.
 */
class LongRowsTest extends CommandTest {
    private static final int POSITIONS = 24;
    private static final String NOTE = "rows with more tokens than the model has positions (24): 8, up to ";

    /** tiny-llama, said to have few positions. */
    private String shortened() throws IOException {
        Path folder = temp.resolve("short");
        if (!Files.isDirectory(folder)) {
            Files.createDirectory(folder);
            try (var files = Files.list(Fixtures.path("tiny-llama"))) {
                for (Path file : files.toList()) {
                    Files.copy(file, folder.resolve(file.getFileName()));
                }
            }
            ObjectNode config = (ObjectNode) Json.read(folder.resolve("config.json"));
            Files.writeString(folder.resolve("config.json"), Json.write(config.put("max_position_embeddings", POSITIONS)));
        }
        return folder.toString();
    }

    private List<JsonNode> scores(String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                "score", "--model", shortened(), "--data", fixture("pairs.jsonl"), "--dtype", "f32", "--threads", "1"));
        command.addAll(List.of(options));
        assertThat(run(command.toArray(String[]::new))).as(err).isZero();
        return out.lines().map(line -> Json.parse(line, "scores")).toList();
    }

    private String config(String model, String... lines) throws IOException {
        List<String> all = new ArrayList<>(List.of(
                "out: " + temp.resolve("run"), "dtype: f32", "threads: 1", "model: {path: " + model + "}", "train: {batch: 4}"));
        all.addAll(Arrays.asList(lines));
        return write("run.yaml", String.join("\n", all) + "\n").toString();
    }

    private String data(String more) {
        return "data: {train: [" + fixture("pairs.jsonl") + "]" + more + "}";
    }

    @Test
    void scoreComputesThemWholeAndSaysSo() throws IOException {
        List<JsonNode> lines = scores();
        assertThat(err).contains(NOTE).contains("computed whole");
        JsonNode golden = Json.read(Fixtures.path("tiny-llama.golden.json")).path("pairs");
        for (int i = 0; i < golden.size(); i++) {
            for (String side : List.of("chosen", "rejected")) {
                JsonNode expected = golden.get(i).path(side);
                assertThat(lines.get(i).path(side + "_logp").asDouble()).isCloseTo(expected.path("logp_sum").asDouble(), within(1e-3));
                assertThat(lines.get(i).path(side + "_tokens").asInt()).isEqualTo(expected.path("logps").size());
            }
            assertThat(lines.get(i).has("prompt_cut") || lines.get(i).has("chosen_cut") || lines.get(i).has("rejected_cut")).isFalse();
        }
    }

    @Test
    void scoreCutsAsTrainingDoesAndSaysWhatAndWhere() throws IOException {
        JsonNode golden = Json.read(Fixtures.path("tiny-llama.golden.json")).path("pairs");
        List<JsonNode> lines = scores("--max-length", "30");
        int prompts = 0;
        int answers = 0;
        for (int i = 0; i < golden.size(); i++) {
            int prompt = golden.get(i).path("chosen").path("prompt_tokens").asInt();
            int kept = Math.min(prompt, 15);
            assertThat(lines.get(i).path("prompt_cut").asInt()).isEqualTo(prompt - kept);
            prompts += prompt > kept ? 1 : 0;
            for (String side : List.of("chosen", "rejected")) {
                int whole = golden.get(i).path(side).path("logps").size();
                assertThat(lines.get(i).path(side + "_tokens").asInt()).isEqualTo(Math.min(whole, 30 - kept));
                assertThat(lines.get(i).path(side + "_cut").asInt()).isEqualTo(Math.max(0, whole - 30 + kept));
                answers += whole > 30 - kept ? 1 : 0;
            }
        }
        assertThat(prompts).isPositive();
        assertThat(err).contains("cut as in training: prompts to --max-prompt-length 15: " + prompts + ", answers to --max-length 30: " + answers);
        assertFails(2, "data.max_prompt_length is 30; expected less than data.max_length, 30",
                "score", "--model", shortened(), "--data", fixture("pairs.jsonl"), "--max-length", "30", "--max-prompt-length", "30");
    }

    @Test
    void trainComputesThemWholeAndSaysSo() throws IOException {
        List<String> metrics = new ArrayList<>();
        for (String model : List.of(fixture("tiny-llama"), shortened())) {
            String yaml = config(model, "recipe: dpo", data(""));
            assertThat(run("train", yaml, "out=" + temp.resolve("run-" + metrics.size()))).as(err).isZero();
            metrics.add(String.join("\n", Course.texts(temp.resolve("run-" + metrics.size()))).replaceAll("\"(policy|model)\":[^,}]*", ""));
        }
        assertThat(metrics.get(1)).isEqualTo(metrics.get(0)).contains("\"logps_chosen\"");
        assertThat(err).contains(NOTE).contains("data.max_length cuts them");
        assertThat(Json.read(temp.resolve("run-1/model/config.json")).path("max_position_embeddings").asInt()).isEqualTo(POSITIONS);
        assertThat(run("plan", config(shortened(), "recipe: dpo", data("")))).as(err).isZero();
        assertThat(err).contains(NOTE);
    }

    @Test
    void answersBeyondThePositionsAreRefusedAsByGenerate() throws IOException {
        String generate = "new ones more than the model's 24 positions; lower --max-new-tokens";
        assertFails(3, generate, "generate", "--model", shortened(), "--data", fixture("pairs.jsonl"), "--max-new-tokens", "30");
        for (String command : List.of("train", "plan")) {
            assertFails(3, "with 30 new ones (rollout.max_new_tokens) more than the model's 24 positions", command, "--quiet",
                    config(shortened(), "recipe: metaapo", "reward: {path: " + fixture("tiny-rm") + "}", "rollout: {max_new_tokens: 30}", data("")));
        }
        assertThat(err).contains("pairs.jsonl:");
        assertThat(temp.resolve("run/model")).doesNotExist();
    }

    @Test
    void answersThatMaxLengthShortensAreTold() throws IOException {
        assertThat(run("plan", config(fixture("tiny-llama"), "recipe: metaapo", "reward: {path: " + fixture("tiny-rm") + "}",
                "rollout: {max_new_tokens: 500}", data(", max_length: 40")))).as(err).isZero();
        assertThat(err).contains("answers of the policy have at most 20 tokens, not rollout.max_new_tokens, 500: data.max_length is 40, and the "
                + "longest prompt has 20");
    }
}
