package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.files.Fixtures;
import org.metaapo.metrics.Course;

/** A stop in any phase, before the first checkpoint too, takes one, and the run ends in the bits of one that was not stopped. */
class StopAnywhereTest {
    @TempDir
    static Path temp;

    private static RunConfig config(String out, String... overrides) {
        List<String> all = new ArrayList<>(List.of(overrides));
        all.add("out=" + temp.resolve(out));
        return RunConfig.parse(String.join("\n",
                "recipe: metaapo", "out: unset", "dtype: f32", "threads: 1", "device: cpu",
                "model: {path: " + Fixtures.path("tiny-llama") + "}",
                "reference: {path: " + Fixtures.path("tiny-llama-ref") + "}", "reward: {path: " + Fixtures.path("tiny-rm") + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], eval: [" + Fixtures.path("pairs.jsonl")
                        + "], max_length: 256, max_prompt_length: 128}",
                "objective: {name: kto}", "rollout: {slice: 8, k: 2, max_new_tokens: 8, decision: all}",
                "optimizer: {learning_rate: 1e-3}", "checkpoint: {every: 50}", "train: {epochs: 1, batch: 4}"), "test", all);
    }

    @BeforeAll
    static void runWithoutAStop() {
        Recipes.run(config("whole"), RunListener.SILENT, new StopSignal());
    }

    private List<String> metrics(String out) throws IOException {
        return Course.texts(temp.resolve(out));
    }

    private static RunListener stopIn(String phase, StopSignal stop) {
        return new RunListener() {
            @Override
            public void begin(String name, long total) {
                if (name.startsWith(phase)) {
                    stop.request();
                }
            }
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "loading the model", "loading the reference", "reference log-probs", "scoring", "sampling", "ranking", "reference log-probs of new pairs",
        "reference log-probs of mismatched answers", "training", "evaluating"})
    void aStopInAnyPhaseTakesACheckpoint(String phase) throws IOException {
        String out = phase.replace(' ', '-');
        StopSignal stop = new StopSignal();
        assertThatThrownBy(() -> Recipes.run(config(out), stopIn(phase, stop), stop)).isInstanceOf(InterruptedRunException.class);
        try (var checkpoints = Files.list(temp.resolve(out).resolve("checkpoints"))) {
            assertThat(checkpoints.toList()).isNotEmpty();
        }
        List<String> notes = new ArrayList<>();
        Recipes.run(config(out), new RunListener() {
            @Override
            public void note(String line) {
                notes.add(line);
            }
        }, new StopSignal());
        assertThat(notes).anyMatch(note -> note.startsWith("continuing at step "));
        assertThat(metrics(out)).isEqualTo(metrics("whole"));
        assertThat(temp.resolve(out).resolve("model/model.safetensors")).hasSameBinaryContentAs(temp.resolve("whole/model/model.safetensors"));
    }

    @Test
    void aStopWhileRowsAreReadHasNothingToKeepAndTheSameCommandRuns() throws IOException {
        StopSignal stop = new StopSignal();
        assertThatThrownBy(() -> Recipes.run(config("reading"), stopIn("tokenizing", stop), stop)).isInstanceOf(InterruptedRunException.class);
        Recipes.run(config("reading"), RunListener.SILENT, new StopSignal());
        assertThat(metrics("reading")).isEqualTo(metrics("whole"));
    }

    @Test
    void supervisedTuningAndRewardModelsStopBeforeTheirFirstStepToo() throws IOException {
        for (String recipe : List.of("sft", "reward-model")) {
            String[] keys = {"recipe=" + recipe, "objective.name=dpo", "reference.path=null", "reward.path=null"};
            StopSignal stop = new StopSignal();
            assertThatThrownBy(() -> Recipes.run(config(recipe, keys), stopIn("loading the model", stop), stop))
                    .isInstanceOf(InterruptedRunException.class).hasMessageContaining("stopped after step 0");
            StopSignal later = new StopSignal();
            assertThatThrownBy(() -> Recipes.run(config(recipe, keys), stopIn("evaluating", later), later))
                    .isInstanceOf(InterruptedRunException.class);
            Recipes.run(config(recipe, keys), RunListener.SILENT, new StopSignal());
            Recipes.run(config(recipe + "-whole", keys), RunListener.SILENT, new StopSignal());
            assertThat(metrics(recipe)).isEqualTo(metrics(recipe + "-whole"));
        }
    }

    @Test
    void referenceLogProbsThatAreThereAreNotScoredAgain() throws IOException {
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            rows.addAll(Files.readAllLines(Fixtures.path("pairs.jsonl")));
        }
        Path data = Files.write(temp.resolve("forty.jsonl"), rows);
        String[] keys = {"recipe=dpo", "objective.name=dpo", "data.train=[" + data + "]", "data.eval=[]"};
        StopSignal stop = new StopSignal();
        assertThatThrownBy(() -> Recipes.run(config("forty", keys), stopIn("reference log-probs", stop), stop)).isInstanceOf(InterruptedRunException.class);
        List<Long> progress = new ArrayList<>();
        Recipes.run(config("forty", keys), new RunListener() {
            private boolean scoring;

            @Override
            public void begin(String phase, long total) {
                scoring = phase.equals("reference log-probs");
            }

            @Override
            public void progress(long done, String detail) {
                if (scoring) {
                    progress.add(done);
                }
            }
        }, new StopSignal());
        assertThat(progress).containsExactly(40L);
        Recipes.run(config("forty-whole", keys), RunListener.SILENT, new StopSignal());
        assertThat(metrics("forty")).isEqualTo(metrics("forty-whole"));
    }
}
