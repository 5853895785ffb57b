package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.config.Program;
import org.metaapo.config.RunConfig;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** What lines of metrics.jsonl say beside the loss: where a run is, how fast it goes, how far the policy is from the reference. */
class RunMetricsTest {
    @TempDir
    Path temp;

    private List<JsonNode> run(String recipe, String data, String... overrides) throws IOException {
        List<String> all = new ArrayList<>(List.of(overrides));
        all.add("recipe=" + recipe);
        Recipes.run(RunConfig.parse(String.join("\n",
                "recipe: dpo", "out: " + temp.resolve("first"), "dtype: f32", "threads: 1", "device: cpu",
                "model: {path: " + Fixtures.path(recipe.equals("reward-model") ? "tiny-rm" : "tiny-llama") + "}",
                "data: {train: [" + Fixtures.path(data) + "], shuffle: false, max_length: 512, max_prompt_length: 256}",
                "rollout: {slice: 5, k: 3, max_new_tokens: 8, decision: all}",
                "optimizer: {learning_rate: 2e-4, schedule: constant, warmup: 0}", "train: {epochs: 1, batch: 8}"), "test", all),
                RunListener.SILENT, new StopSignal());
        return Files.readAllLines(temp.resolve("first/metrics.jsonl")).stream().map(line -> Json.parse(line, "metrics")).toList();
    }

    private static List<JsonNode> of(List<JsonNode> lines, String kind) {
        return lines.stream().filter(line -> line.path("kind").asText().equals(kind)).toList();
    }

    private static String reference() {
        return "reference.path=" + Fixtures.path("tiny-llama-ref");
    }

    /** TRL's rewards are β·(l − l_ref), so their mean over β is the mean log-ratio of the step's answers. */
    @ParameterizedTest
    @CsvSource({"dpo", "ipo", "hinge"})
    void theDivergenceIsTheMeanLogRatioOfTrlsRewards(String objective) throws IOException {
        List<JsonNode> steps = of(run("dpo", "pairs.jsonl", reference(), "objective.name=" + objective, "train.epochs=6"), "");
        JsonNode golden = Json.read(Fixtures.path("trl_metrics.json")).path(objective).path("steps");
        for (int i = 0; i < golden.size(); i++) {
            double mean = (golden.get(i).path("rewards/chosen").asDouble() + golden.get(i).path("rewards/rejected").asDouble()) / 2;
            assertThat(steps.get(i).path("kl").asDouble(Double.NaN)).isCloseTo(mean / 0.1, within(1e-2));
        }
        assertThat(steps.get(5).path("kl").asDouble()).isNotCloseTo(steps.get(0).path("kl").asDouble(), within(0.1));
    }

    /** From transformers' log-probs of the rows' four answers, and of the own two. */
    @ParameterizedTest
    @CsvSource({"metaapo, true, -1.2515302", "metaapo, false, -1.2515302", "dpo, true, -0.2968315"})
    void theDivergenceIsOverAllAnswersThatAreTrained(String recipe, boolean share, double expected) throws IOException {
        Path data = Fixtures.path("online.jsonl");
        if (recipe.equals("dpo")) {
            data = Files.write(temp.resolve("own.jsonl"), Files.readAllLines(data).stream()
                    .map(line -> line.substring(0, line.indexOf(", \"online_chosen\"")) + "}").toList());
        }
        String[] keys = recipe.equals("dpo") ? new String[] {reference(), "data.train=[" + data + "]"}
                : new String[] {reference(), "reward.path=" + Fixtures.path("tiny-rm"), "rollout.slice=8", "data.share_prompts=" + share};
        assertThat(of(run(recipe, "online.jsonl", keys), "").get(0).path("kl").asDouble(Double.NaN)).isCloseTo(expected, within(2e-4));
    }

    @ParameterizedTest
    @CsvSource({"dpo, simpo", "reward-model, dpo", "sft, dpo"})
    void withoutAReferenceThereIsNoDivergence(String recipe, String objective) throws IOException {
        List<JsonNode> steps = of(run(recipe, "pairs.jsonl", "objective.name=" + objective), "");
        assertThat(steps).isNotEmpty().allSatisfy(line -> assertThat(line.has("kl")).isFalse());
    }

    @Test
    void theFirstLineSaysWhatRunsAndEveryLineWhen() throws IOException {
        double before = System.currentTimeMillis() * 1e-3;
        List<JsonNode> lines = run("dpo", "pairs.jsonl", "train.batch=3", "train.epochs=2", "data.eval=[" + Fixtures.path("pairs.jsonl") + "]");
        JsonNode start = lines.get(0);
        assertThat(start.path("steps").asInt()).isEqualTo(6);
        assertThat(start.path("device").asText()).isNotBlank();
        assertThat(start.path("threads").asInt()).isOne();
        assertThat(start.path("version").asText()).isEqualTo(Program.VERSION);
        assertThat(start.path("dtype").asText()).isEqualTo("f32");
        assertThat(start.path("model").asText()).isEqualTo(Fixtures.path("tiny-llama").toString());
        assertThat(start.path("name").asText()).isEqualTo("first");
        double last = before;
        for (JsonNode line : lines) {
            assertThat(line.path("time").asDouble()).isBetween(last, System.currentTimeMillis() * 1e-3);
            last = line.path("time").asDouble();
        }
        long seen = 0;
        for (JsonNode step : of(lines, "")) {
            seen += step.path("tokens").asLong();
            assertThat(step.path("tokens_seen").asLong()).isEqualTo(seen);
            assertThat(step.path("tokens_per_second").asDouble())
                    .isCloseTo(step.path("tokens").asDouble() / step.path("seconds").asDouble(), within(1e-6));
            assertThat(step.path("memory").asLong()).isBetween(1L << 20, 1L << 40);
            assertThat(step.path("seconds_left").asDouble()).isNotNegative();
        }
        assertThat(of(lines, "end").get(0).path("tokens_trained").asLong()).isEqualTo(seen);
    }

    @Test
    void phasesStandWhereTheyBegin() throws IOException {
        List<JsonNode> lines = run("metaapo", "pairs.jsonl", reference(), "reward.path=" + Fixtures.path("tiny-rm"), "train.batch=2",
                "checkpoint.every=2", "data.eval=[" + Fixtures.path("pairs.jsonl") + "]");
        List<String> phases = of(lines, "phase").stream()
                .map(line -> line.path("slice").asInt() + " " + line.path("step").asInt() + " " + line.path("phase").asText()).toList();
        assertThat(phases).containsExactly(
                "0 0 references", "0 0 scoring", "0 0 sampling", "0 0 ranking", "0 0 references", "0 0 saving", "0 0 training", "0 2 saving",
                "0 2 training", "0 3 references", "0 3 evaluating",
                "1 3 scoring", "1 3 sampling", "1 3 ranking", "1 3 references", "1 3 saving", "1 3 training", "1 4 saving", "1 4 training",
                "1 5 evaluating", "0 5 saving");
    }

    @Test
    void aSlicesLineSumsItsSamplesUp() throws IOException {
        List<JsonNode> lines = run("metaapo", "pairs.jsonl", reference(), "reward.path=" + Fixtures.path("tiny-rm"));
        for (JsonNode slice : of(lines, "slice")) {
            List<JsonNode> rows = Files.readAllLines(new RunFolder(temp.resolve("first")).samples(0, slice.path("slice").asInt())).stream()
                    .map(line -> Json.parse(line, "sample")).toList();
            List<JsonNode> answers = rows.stream().flatMap(row -> StreamSupport.stream(row.path("answers").spliterator(), false)).toList();
            assertThat(slice.path("answer_tokens").asDouble())
                    .isCloseTo(answers.stream().mapToInt(answer -> answer.path("tokens").asInt()).average().orElseThrow(), within(1e-9));
            assertThat(slice.path("clipped_share").asDouble())
                    .isCloseTo(answers.stream().filter(answer -> answer.path("finish").asText().equals("length")).count() / (double) answers.size(), within(1e-9));
            double[] margins = rows.stream().mapToDouble(row -> StreamSupport.stream(row.path("answers").spliterator(), false)
                    .mapToDouble(answer -> answer.path("reward").asDouble()).max().orElseThrow() - row.path("reward_chosen").asDouble()).toArray();
            assertThat(slice.path("online_margin").asDouble())
                    .isCloseTo(Arrays.stream(margins).average().orElseThrow(), within(1e-9));
            assertThat(slice.path("online_wins").asDouble())
                    .isCloseTo(Arrays.stream(margins).filter(margin -> margin > 0).count() / (double) margins.length, within(1e-9));
        }
        assertThat(of(lines, "slice")).hasSize(2);
    }

    @Test
    void whatIsLeftIsEachKindOfWorkTimesItsMean() {
        // 20 rows an epoch, slices of 10, batches of 5: 2 steps a slice, 4 an epoch, 2 epochs.
        TimeLeft left = new TimeLeft(new EpochPlan(20, 10, 5), 2);
        Totals totals = new Totals();
        totals.secondsSampling = 6;
        left.stepped(2);
        // 7 steps of 2 s and 3 slices of 6 s, as the totals have it of the first.
        assertThat(left.seconds(0, 0, 1, totals)).isEqualTo(7 * 2 + 3 * 6);
        left.prepared(4);
        left.stepped(4);
        left.evaluated(1);
        // In the last slice but one: a batch of it and the two of the last, one slice, two evaluations.
        assertThat(left.seconds(1, 0, 1, totals)).isEqualTo(3 * 3 + 4 + 2);
        assertThat(left.seconds(1, 1, 0, totals)).isEqualTo(1);
    }
}
