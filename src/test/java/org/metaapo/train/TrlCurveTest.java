package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.config.RunConfig;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** The recipe dpo, from a YAML file, against TRL's DPOTrainer step by step. */
class TrlCurveTest {
    @TempDir
    Path temp;

    @ParameterizedTest
    @CsvSource({"dpo, dpo, 100000", "dpo, dpo, 300", "ipo_mean, ipo, 100000", "robust_dpo, robust, 100000"})
    void everyStepAgreesWithTrl(String objective, String curve, int microTokens) throws IOException {
        RunConfig config = RunConfig.load(write(objective, microTokens), List.of());
        Recipes.run(config, RunListener.SILENT, new StopSignal());
        List<JsonNode> steps = Files.readAllLines(temp.resolve("run/metrics.jsonl")).stream()
                .map(line -> Json.parse(line, "metrics"))
                .filter(line -> !line.has("kind"))
                .toList();
        JsonNode golden = Json.read(Fixtures.path("trl_curves.json")).path("curves").path("tiny-llama/" + curve);
        assertThat(steps).hasSize(golden.size());
        for (int i = 0; i < golden.size(); i++) {
            same(steps.get(i), "loss", golden.get(i), "loss");
            same(steps.get(i), "logps_chosen", golden.get(i), "logps/chosen");
            same(steps.get(i), "logps_rejected", golden.get(i), "logps/rejected");
            same(steps.get(i), "rewards_chosen", golden.get(i), "rewards/chosen");
            same(steps.get(i), "rewards_rejected", golden.get(i), "rewards/rejected");
            same(steps.get(i), "rewards_margin", golden.get(i), "rewards/margins");
            same(steps.get(i), "accuracy", golden.get(i), "rewards/accuracies");
            same(steps.get(i), "learning_rate", golden.get(i), "learning_rate");
        }
    }

    private static void same(JsonNode step, String name, JsonNode golden, String goldenName) {
        assertThat(step.path(name).asDouble())
                .as(name + " of step " + step.path("step"))
                .isCloseTo(golden.path(goldenName).asDouble(), within(1e-3));
    }

    private Path write(String objective, int microTokens) throws IOException {
        Path yaml = temp.resolve("run.yaml");
        Files.writeString(yaml, String.join("\n",
                "recipe: dpo",
                "out: " + temp.resolve("run"),
                "dtype: f32",
                "model: {path: " + Fixtures.path("tiny-llama") + "}",
                "reference: {path: " + Fixtures.path("tiny-llama-ref") + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], shuffle: false, max_length: 512, max_prompt_length: 256}",
                "objective: {name: " + objective + ", beta: 0.1}",
                "optimizer: {learning_rate: 2e-4, schedule: constant, warmup: 0}",
                "train: {epochs: 6, batch: 8, micro_tokens: " + microTokens + "}"));
        return yaml;
    }
}
