package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.error.UsageException;
import org.metaapo.files.Destination;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.jobs.ScoreJob;
import org.metaapo.ranks.Ranks;
import org.metaapo.text.ChatOptions;

/** {@code reference.update: slice}, and that nothing said of a reference is ignored. */
class ReferenceUpdateTest {
    @TempDir
    Path temp;

    /** An epoch is a slice, and the rate is constant: a run of fewer epochs is the beginning of one of more. */
    private RunConfig config(String out, String... overrides) {
        List<String> all = new ArrayList<>(List.of(overrides));
        all.add("out=" + temp.resolve(out));
        return RunConfig.parse(String.join("\n",
                "recipe: metaapo", "out: unset", "dtype: f32", "threads: 1", "device: cpu",
                "model: {path: " + Fixtures.path("tiny-llama") + "}",
                "reference: {path: " + Fixtures.path("tiny-llama-ref") + ", update: slice}",
                "reward: {path: " + Fixtures.path("tiny-rm") + "}", "meta: {score_scale: 1}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], shuffle: false, max_length: 512, max_prompt_length: 256}",
                "rollout: {slice: 8, k: 2, max_new_tokens: 8}",
                "optimizer: {learning_rate: 1e-3, schedule: constant, warmup: 0}", "train: {epochs: 1, batch: 4}"), "test", all);
    }

    private Path run(String out, String... overrides) {
        Recipes.run(config(out, overrides), RunListener.SILENT, new StopSignal());
        return new RunFolder(temp.resolve(out)).model();
    }

    private List<Double> scores(String out, int epoch) throws IOException {
        return Files.readAllLines(new RunFolder(temp.resolve(out)).samples(epoch, 0)).stream()
                .map(line -> Json.parse(line, "sample").path("score").asDouble()).toList();
    }

    /** The scores of an epoch's slice are those of metaapo score. */
    private void assertScores(String out, int epoch, Path policy, Path reference) throws IOException {
        Path file = temp.resolve("scores.jsonl");
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1)) {
            ScoreJob.run(engine, Dtype.F32, policy, null, null, reference, List.of(Fixtures.path("pairs.jsonl")), new ScoreJob.Lengths(4096, 2048),
                    ChatOptions.DEFAULT, Map.of(), null, RunListener.SILENT, Ranks.single()).write(Destination.of(file));
        }
        List<Double> expected = Files.readAllLines(file).stream().map(line -> Json.parse(line, "scores").path("score").asDouble()).toList();
        List<Double> found = scores(out, epoch);
        assertThat(found).hasSameSizeAs(expected).hasSize(8);
        for (int i = 0; i < found.size(); i++) {
            assertThat(found.get(i)).as("row " + i + " in epoch " + epoch).isCloseTo(expected.get(i), within(1e-4));
        }
    }

    private List<Double> firstRewards(String out) throws IOException {
        List<JsonNode> steps = Files.readAllLines(new RunFolder(temp.resolve(out)).metrics()).stream()
                .map(line -> Json.parse(line, "metrics")).filter(line -> !line.has("kind")).toList();
        List<Double> first = new ArrayList<>();
        for (int i = 0; i < steps.size(); i += 2) {
            first.add(steps.get(i).path("rewards_chosen").asDouble());
        }
        return first;
    }

    @Test
    void metaapoComparesWithThePolicyBeforeTheSliceBefore() throws IOException {
        Path first = run("one");
        Path second = run("two", "train.epochs=2");
        run("three", "train.epochs=3");
        assertScores("three", 0, Fixtures.path("tiny-llama"), Fixtures.path("tiny-llama-ref"));
        assertScores("three", 1, first, Fixtures.path("tiny-llama"));
        assertScores("three", 2, second, first);
    }

    @Test
    void theStartIsTheFirstReferenceWhereNoneIsGiven() throws IOException {
        Path first = run("one", "reference.path=null");
        run("two", "reference.path=null", "train.epochs=2");
        assertScores("two", 0, Fixtures.path("tiny-llama"), Fixtures.path("tiny-llama"));
        assertScores("two", 1, first, Fixtures.path("tiny-llama"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"sppo", "selm", "dpo"})
    void othersCompareWithThePolicyBeforeTheSlice(String recipe) throws IOException {
        run("run", "recipe=" + recipe, "train.epochs=3", "rollout.k=4");
        List<Double> rewards = firstRewards("run");
        assertThat(rewards).hasSize(3);
        assertThat(rewards.get(0)).as("the given reference").isNotCloseTo(0, within(1e-4));
        assertThat(rewards.get(1)).isCloseTo(0, within(1e-6));
        assertThat(rewards.get(2)).isCloseTo(0, within(1e-6));
    }

    @Test
    void heldOutRowsAreComparedWithTheReferenceOfTheSlice() throws IOException {
        String held = "data.eval=[" + Fixtures.path("pairs.jsonl") + "]";
        Path first = run("one", held, "recipe=sppo", "train.epochs=1");
        Path second = run("two", held, "recipe=sppo", "train.epochs=2");
        Path file = temp.resolve("scores.jsonl");
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1)) {
            ScoreJob.run(engine, Dtype.F32, second, null, null, first, List.of(Fixtures.path("pairs.jsonl")), new ScoreJob.Lengths(4096, 2048),
                    ChatOptions.DEFAULT, Map.of(), null, RunListener.SILENT, Ranks.single()).write(Destination.of(file));
        }
        double margin = Files.readAllLines(file).stream()
                .mapToDouble(line -> 1e-3 * Json.parse(line, "scores").path("delta").asDouble()).average().orElseThrow();
        JsonNode last = Files.readAllLines(new RunFolder(temp.resolve("two")).metrics()).stream()
                .map(line -> Json.parse(line, "metrics")).filter(line -> line.path("kind").asText().equals("eval")).toList().get(1);
        assertThat(last.path("rewards_margin").asDouble()).isCloseTo(margin, within(1e-6)).isNotCloseTo(0, within(1e-6));
        assertThat(last.path("epoch").asDouble()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "recipe=sft | recipe sft compares with no reference",
        "recipe=reward-model | recipe reward-model compares with no reference",
        "recipe=dpo objective.name=simpo | objective.name simpo compares with no reference",
        "objective.name=simpo | objective.name simpo compares with no reference"})
    void aReferenceThatNothingComparesWithIsRefused(String overrides, String message) {
        for (String[] only : new String[][] {
            {"reference.update=never"}, {"reference.path=null"}, {"reference.path=null", "reference.update=never", "reference.offload=true"}}) {
            List<String> all = new ArrayList<>(List.of(overrides.split(" ")));
            all.addAll(List.of(only));
            assertThatThrownBy(() -> config("run", all.toArray(String[]::new)))
                    .isInstanceOf(UsageException.class)
                    .hasMessageMatching("(test|command line): reference\\..*")
                    .hasMessageContaining(message + "; leave it out");
        }
        List<String> none = new ArrayList<>(List.of(overrides.split(" ")));
        none.addAll(List.of("reference.path=null", "reference.update=never"));
        config("run", none.toArray(String[]::new));
    }

    /** Maximises the likelihood of the better answer. */
    public static final class NoReference implements PairLoss {
        @Override
        public Value evaluate(Pair pair) {
            return new Value(-pair.chosen(), -1, 0);
        }

        @Override
        public boolean needsReference() {
            return false;
        }
    }

    @Test
    void anObjectiveOfTheUsersWithoutAReferenceRefusesOneToo() {
        assertThatThrownBy(() -> run("run", "recipe=dpo", "objective.name=java", "objective.class=" + NoReference.class.getName()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("objective.class: reference.path is set, and " + NoReference.class.getName());
    }
}
