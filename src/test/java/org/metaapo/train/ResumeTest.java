package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.metrics.Course;

/** MetaAPO on tiny models: equal seeds give equal runs, and a run that was stopped anywhere ends in the same bits. */
class ResumeTest {
    @TempDir
    Path temp;

    private Path yaml;

    @BeforeEach
    void writeConfig() throws IOException {
        yaml = temp.resolve("run.yaml");
        Files.writeString(yaml, String.join("\n",
                "recipe: metaapo",
                "out: " + temp.resolve("whole"),
                "dtype: f32",
                "threads: 2",
                "model: {path: " + Fixtures.path("tiny-llama") + "}",
                "reward: {path: " + Fixtures.path("tiny-rm") + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}",
                "rollout: {slice: 5, k: 3, max_new_tokens: 8}",
                "meta: {every: 2, init: random}",
                "optimizer: {learning_rate: 1e-3}",
                "checkpoint: {every: 2}",
                "train: {epochs: 2, batch: 2, micro_tokens: 300}"));
    }

    private RunConfig config(String out) {
        return config(out, List.of());
    }

    private RunConfig config(String out, List<String> options) {
        List<String> all = new ArrayList<>(options);
        all.add("out=" + temp.resolve(out));
        return RunConfig.load(yaml, all);
    }

    private List<String> metrics(String out) throws IOException {
        return Course.texts(temp.resolve(out));
    }

    private void assertSame(String a, String b) throws IOException {
        assertThat(metrics(b)).isEqualTo(metrics(a));
        for (String file : List.of("model/model.safetensors", "meta-learner.json")) {
            assertThat(temp.resolve(b).resolve(file)).hasSameBinaryContentAs(temp.resolve(a).resolve(file));
        }
        try (var samples = Files.list(temp.resolve(a).resolve("samples"))) {
            for (Path file : samples.toList()) {
                assertThat(temp.resolve(b).resolve("samples").resolve(file.getFileName())).hasSameBinaryContentAs(file);
            }
        }
    }

    @Test
    @DisplayName("OpenRLHF PR#1350: a resumed run is bit-equal")
    void equalSeedsGiveEqualRunsAndAStopAtAnyStepChangesNothing() throws IOException {
        Recipes.run(config("whole"), RunListener.SILENT, new StopSignal());
        long steps = metrics("whole").stream().filter(line -> !line.contains("\"kind\"")).count();
        assertThat(steps).isEqualTo(10);
        Recipes.run(config("again"), RunListener.SILENT, new StopSignal());
        assertSame("whole", "again");
        assertThat(stopAfterEveryStep("stopped", List.of())).isEqualTo((int) steps);
        assertSame("whole", "stopped");
    }

    @Test
    void aRunWithMomentsOf8BitsResumesInTheSameBits() throws IOException {
        List<String> options = List.of("dtype=bf16", "optimizer.state=8bit", "train.epochs=1");
        Recipes.run(config("whole", options), RunListener.SILENT, new StopSignal());
        assertThat(stopAfterEveryStep("stopped", options)).isPositive();
        assertSame("whole", "stopped");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void aLearnerOfOtherLayersResumesInTheSameBitsAndNoOtherTakesItUp(int layers) throws IOException {
        List<String> options = List.of("meta.layers=" + layers, "train.epochs=1", "threads=1");
        Recipes.run(config("whole", options), RunListener.SILENT, new StopSignal());
        assertThat(stopAfterEveryStep("stopped", options)).isPositive();
        assertSame("whole", "stopped");
        assertThat(Json.read(temp.resolve("whole/meta-learner.json")).path("layers").asInt()).isEqualTo(layers);
        assertThat(metrics("whole")).anyMatch(line -> line.contains("\"kind\":\"meta\"") && line.contains("\"meta_curve\""));
        assertThatThrownBy(() -> Recipes.run(config("run", options), stopAfterAStep(), stop)).isInstanceOf(InterruptedRunException.class);
        assertThatThrownBy(() -> Recipes.run(config("run", List.of("train.epochs=1", "threads=1")), RunListener.SILENT, new StopSignal()))
                .isInstanceOf(UsageException.class).hasMessageContaining("meta.layers: was " + layers + ", is 2");
    }

    @ParameterizedTest
    @ValueSource(strings = {"metaapo", "sppo"})
    void aReferenceThatFollowsIsTakenUpAsItWas(String recipe) throws IOException {
        List<String> options = List.of("recipe=" + recipe, "reference.update=slice", "reference.path=" + Fixtures.path("tiny-llama-ref"),
                "rollout.slice=3", "data.eval=[" + Fixtures.path("pairs.jsonl") + "]", "dtype=bf16");
        Recipes.run(config("whole", options), RunListener.SILENT, new StopSignal());
        assertThat(stopAfterEveryStep("stopped", options)).isGreaterThan(6);
        assertThat(metrics("stopped")).isEqualTo(metrics("whole"));
        assertThat(temp.resolve("stopped/model/model.safetensors")).hasSameBinaryContentAs(temp.resolve("whole/model/model.safetensors"));
    }

    /** Runs to the end, stopped after every step in turn; how many stops there were. */
    private int stopAfterEveryStep(String out, List<String> options) {
        int stops = 0;
        while (true) {
            StopSignal stop = new StopSignal();
            RunListener listener = new RunListener() {
                @Override
                public void metrics(ObjectNode line) {
                    if (!line.has("kind")) {
                        stop.request();
                    }
                }
            };
            try {
                Recipes.run(config(out, options), listener, stop);
                return stops;
            } catch (InterruptedRunException e) {
                stops++;
            }
        }
    }

    @Test
    void aStopWhileTheSecondSliceIsSampledLosesNoStepAndChangesNothing() throws IOException {
        List<String> options = List.of("reference.update=slice", "reference.path=" + Fixtures.path("tiny-llama-ref"),
                "data.eval=[" + Fixtures.path("pairs.jsonl") + "]", "checkpoint.every=50");
        Recipes.run(config("whole", options), RunListener.SILENT, new StopSignal());
        int stops = 0;
        List<String> notes = new ArrayList<>();
        while (true) {
            StopSignal stop = new StopSignal();
            RunListener listener = new RunListener() {
                private int samplings;

                @Override
                public void begin(String phase, long total) {
                    if (phase.equals("sampling") && ++samplings == 2) {
                        stop.request();
                    }
                }

                @Override
                public void note(String line) {
                    notes.add(line);
                }
            };
            try {
                Recipes.run(config("stopped", options), listener, stop);
                break;
            } catch (InterruptedRunException e) {
                stops++;
            }
        }
        assertThat(stops).isEqualTo(3);
        assertThat(notes).contains("continuing at step 3", "continuing at step 5", "continuing at step 8");
        assertSame("whole", "stopped");
    }

    @Test
    @DisplayName("trl PR#7084: cached reference log-probs are used only where all that made them is the same")
    void otherDataOrOtherModelsAreNotContinued() throws IOException {
        Path reward = Files.createDirectories(temp.resolve("reward"));
        Path reference = Files.createDirectories(temp.resolve("reference"));
        copy("tiny-rm", reward);
        copy("tiny-llama-ref", reference);
        List<String> options = List.of("reward.path=" + reward, "reference.path=" + reference);
        assertThatThrownBy(() -> Recipes.run(config("run", options), stopAfterAStep(), stop)).isInstanceOf(InterruptedRunException.class);
        for (String change : List.of("dtype=bf16", "data.share_prompts=false", "data.max_length=200", "reference.update=slice")) {
            List<String> changed = new ArrayList<>(options);
            changed.add(change);
            assertRefused(changed);
        }
        for (Path folder : List.of(reward, reference)) {
            Path weights = folder.resolve("model.safetensors");
            byte[] before = Files.readAllBytes(weights);
            byte[] after = before.clone();
            after[after.length - 3] ^= 1;
            Files.write(weights, after);
            assertRefused(options);
            Files.write(weights, before);
        }
        List<String> elsewhere = new ArrayList<>(options);
        elsewhere.addAll(List.of("threads=1", "checkpoint.every=7"));
        Recipes.run(config("run", elsewhere), RunListener.SILENT, new StopSignal());
        assertThat(temp.resolve("run/model/model.safetensors")).exists();
    }

    private final StopSignal stop = new StopSignal();

    private RunListener stopAfterAStep() {
        return new RunListener() {
            @Override
            public void metrics(ObjectNode line) {
                if (!line.has("kind")) {
                    stop.request();
                }
            }
        };
    }

    private void assertRefused(List<String> options) {
        assertThatThrownBy(() -> Recipes.run(config("run", options), RunListener.SILENT, new StopSignal()))
                .as(options.toString())
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("another configuration");
    }

    private static void copy(String fixture, Path target) throws IOException {
        try (var files = Files.list(Fixtures.path(fixture))) {
            for (Path file : files.toList()) {
                Files.copy(file, target.resolve(file.getFileName()));
            }
        }
    }

    @Test
    void aMixtureAndSkippedRowsResumeInTheSameBits() throws IOException {
        List<String> pairs = Files.readAllLines(Fixtures.path("pairs.jsonl"));
        Path bad = temp.resolve("bad.jsonl");
        Files.write(bad, List.of(pairs.get(0), "{\"prompt\": 3, \"chosen\": \"c\", \"rejected\": \"r\"}", pairs.get(1), "not json", pairs.get(2)));
        List<String> options = List.of("recipe=dpo", "data.train=[" + Fixtures.path("pairs.jsonl") + ", " + bad + "]", "data.weights=[1, 3]",
                "data.on_error=skip", "train.epochs=2");
        assertThatThrownBy(() -> Recipes.run(config("strict", List.of("recipe=dpo", "data.train=[" + bad + "]")), RunListener.SILENT, new StopSignal()))
                .hasMessageContaining("bad.jsonl:2");
        Recipes.run(config("whole", options), RunListener.SILENT, new StopSignal());
        assertThat(stopAfterEveryStep("stopped", options)).isGreaterThan(4);
        assertThat(metrics("stopped")).isEqualTo(metrics("whole"));
        assertThat(temp.resolve("stopped/model/model.safetensors")).hasSameBinaryContentAs(temp.resolve("whole/model/model.safetensors"));
        for (String out : List.of("whole", "stopped")) {
            assertThat(Files.readAllLines(temp.resolve(out).resolve("skipped-rows.txt"))).hasSize(2)
                    .satisfiesExactly(
                            first -> assertThat(first).contains("bad.jsonl:2", "expected a text or a list of messages"),
                            second -> assertThat(second).contains("bad.jsonl, line 4", "not valid JSON"));
        }
        assertThat(metrics("whole")).as("the weights matter").isNotEqualTo(metricsOf("even", options));
    }

    private List<String> metricsOf(String out, List<String> options) throws IOException {
        List<String> even = new ArrayList<>(options);
        even.add("data.weights=[3, 1]");
        Recipes.run(config(out, even), RunListener.SILENT, new StopSignal());
        return metrics(out);
    }

    @Test
    void aDamagedCheckpointIsPassedOverAndTheRunStillEndsInTheSameBits() throws IOException {
        Recipes.run(config("whole"), RunListener.SILENT, new StopSignal());
        StopSignal stop = new StopSignal();
        RunListener listener = new RunListener() {
            @Override
            public void metrics(ObjectNode line) {
                if (line.path("step").asInt() == 5) {
                    stop.request();
                }
            }
        };
        assertThatThrownBy(() -> Recipes.run(config("damaged"), listener, stop)).isInstanceOf(InterruptedRunException.class);
        Path newest = temp.resolve("damaged/checkpoints/step-00000005/trainer.safetensors");
        byte[] bytes = Files.readAllBytes(newest);
        bytes[bytes.length / 2] ^= 1;
        Files.write(newest, bytes);
        List<String> notes = new ArrayList<>();
        Recipes.run(config("damaged"), new RunListener() {
            @Override
            public void note(String line) {
                notes.add(line);
            }
        }, new StopSignal());
        assertThat(notes).anyMatch(note -> note.contains("step-00000005") && note.contains("damaged"));
        assertThat(notes).anyMatch(note -> note.equals("continuing at step 4"));
        assertSame("whole", "damaged");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 300, 10_000})
    @DisplayName("NeMo-Aligner#227: the first step against oneself has loss ln 2 and rewards 0, whatever the micro-batch")
    void theFirstStepAgainstOneselfHasLossLn2AndRewardsZero(int microTokens) throws IOException {
        Recipes.run(config("whole", List.of("train.micro_tokens=" + microTokens)), RunListener.SILENT, new StopSignal());
        String first = metrics("whole").stream().filter(line -> !line.contains("\"kind\"")).findFirst().orElseThrow();
        JsonNode step = Json.parse(first, "metrics");
        assertThat(step.path("loss").asDouble()).isCloseTo(Math.log(2), org.assertj.core.api.Assertions.within(1e-5));
        assertThat(step.path("rewards_chosen").asDouble()).isCloseTo(0, org.assertj.core.api.Assertions.within(1e-4));
        assertThat(step.path("rewards_rejected").asDouble()).isCloseTo(0, org.assertj.core.api.Assertions.within(1e-4));
    }
}
