package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.config.RunConfig;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Lines of steps and of held-out rows against what TRL logs, which {@code src/test/python/make_trl_golden.py} wrote. */
class TrlMetricsTest {
    private static final Map<String, String> POLICY = Map.of(
            "loss", "loss", "logps_chosen", "logps/chosen", "logps_rejected", "logps/rejected", "rewards_chosen", "rewards/chosen",
            "rewards_rejected", "rewards/rejected", "rewards_margin", "rewards/margins", "accuracy", "rewards/accuracies");
    private static final Map<String, String> REWARD_MODEL = Map.of("loss", "loss", "score_margin", "margin", "accuracy", "accuracy");

    @TempDir
    Path temp;

    @ParameterizedTest
    @CsvSource({"dpo, 0.1, true", "ipo, 0.1, true", "hinge, 0.1, true", "simpo, 2.5, false"})
    void policiesLogWhatTrlLogs(String objective, double beta, boolean reference) throws IOException {
        List<JsonNode> lines = lines(
                "recipe: dpo", "model: {path: " + Fixtures.path("tiny-llama") + "}",
                reference ? "reference: {path: " + Fixtures.path("tiny-llama-ref") + "}" : "",
                "objective: {name: " + objective + ", beta: " + beta + ", gamma: 0.6}");
        compare(lines, objective, POLICY);
    }

    @Test
    void aRewardModelLogsItsScoresUnderTheirOwnNames() throws IOException {
        List<JsonNode> lines = lines("recipe: reward-model", "model: {path: " + Fixtures.path("tiny-rm") + "}");
        compare(lines, "reward-model", REWARD_MODEL);
        JsonNode golden = Json.read(Fixtures.path("trl_metrics.json")).path("reward-model").path("steps").get(0);
        JsonNode first = lines.stream().filter(line -> !line.has("kind")).findFirst().orElseThrow();
        assertThat((first.path("score_chosen").asDouble() + first.path("score_rejected").asDouble()) / 2)
                .isCloseTo(golden.path("mean_reward").asDouble(), within(1e-3));
        assertThat(first.has("logps_chosen")).isFalse();
        assertThat(first.has("rewards_chosen")).isFalse();
    }

    private static void compare(List<JsonNode> lines, String curve, Map<String, String> names) {
        JsonNode golden = Json.read(Fixtures.path("trl_metrics.json")).path(curve);
        compare(lines.stream().filter(line -> !line.has("kind")).toList(), golden.path("steps"), "", names);
        compare(lines.stream().filter(line -> line.path("kind").asText().equals("eval")).toList(), golden.path("evaluations"), "eval_", names);
    }

    private static void compare(List<JsonNode> lines, JsonNode golden, String prefix, Map<String, String> names) {
        assertThat(lines).hasSameSizeAs(golden).isNotEmpty();
        for (int i = 0; i < golden.size(); i++) {
            for (Map.Entry<String, String> name : names.entrySet()) {
                assertThat(lines.get(i).path(name.getKey()).asDouble(Double.NaN))
                        .as(prefix + name.getKey() + " after step " + (i + 1))
                        .isCloseTo(golden.get(i).path(prefix + name.getValue()).asDouble(), within(1e-3));
            }
            assertThat(lines.get(i).path("epoch").asDouble()).isEqualTo(i + 1);
        }
    }

    private List<JsonNode> lines(String... keys) throws IOException {
        String pairs = Fixtures.path("pairs.jsonl").toString();
        RunConfig config = RunConfig.parse(String.join("\n", keys) + "\n" + String.join("\n",
                "out: " + temp.resolve("run"), "dtype: f32", "threads: 1",
                "data: {train: [" + pairs + "], eval: [" + pairs + "], shuffle: false, max_length: 512, max_prompt_length: 256}",
                "optimizer: {learning_rate: 2e-4, schedule: constant, warmup: 0}", "train: {epochs: 6, batch: 8}"), "test", List.of());
        Recipes.run(config, RunListener.SILENT, new StopSignal());
        return Files.readAllLines(temp.resolve("run/metrics.jsonl")).stream().map(line -> Json.parse(line, "metrics")).toList();
    }
}
