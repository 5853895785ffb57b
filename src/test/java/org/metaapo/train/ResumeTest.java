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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.config.RunConfig;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

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
        return RunConfig.load(yaml, List.of("out=" + temp.resolve(out)));
    }

    /** Metrics without the seconds, which no two runs share. */
    private List<String> metrics(String out) throws IOException {
        List<String> lines = new ArrayList<>();
        for (String line : Files.readAllLines(temp.resolve(out).resolve("metrics.jsonl"))) {
            JsonNode json = Json.parse(line, "metrics");
            ObjectNode object = (ObjectNode) json;
            List<String> names = new ArrayList<>();
            object.fieldNames().forEachRemaining(names::add);
            names.stream().filter(name -> name.startsWith("seconds")).forEach(object::remove);
            lines.add(object.toString());
        }
        return lines;
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
    void equalSeedsGiveEqualRunsAndAStopAtAnyStepChangesNothing() throws IOException {
        Recipes.run(config("whole"), RunListener.SILENT, new StopSignal());
        long steps = metrics("whole").stream().filter(line -> !line.contains("\"kind\"")).count();
        assertThat(steps).isEqualTo(10);
        Recipes.run(config("again"), RunListener.SILENT, new StopSignal());
        assertSame("whole", "again");
        // Stopped after every step in turn.
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
                Recipes.run(config("stopped"), listener, stop);
                break;
            } catch (InterruptedRunException e) {
                stops++;
            }
        }
        assertThat(stops).isEqualTo((int) steps);
        assertSame("whole", "stopped");
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

    @Test
    void anotherConfigurationIsNotContinued() {
        StopSignal stop = new StopSignal();
        assertThatThrownBy(() -> Recipes.run(config("other"), new RunListener() {
            @Override
            public void metrics(ObjectNode line) {
                if (!line.has("kind")) {
                    stop.request();
                }
            }
        }, stop)).isInstanceOf(InterruptedRunException.class);
        RunConfig changed = RunConfig.load(yaml, List.of("out=" + temp.resolve("other"), "optimizer.learning_rate=2e-3"));
        assertThatThrownBy(() -> Recipes.run(changed, RunListener.SILENT, new StopSignal()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("another configuration");
    }

    @Test
    void theFirstStepAgainstOneselfHasLossLn2AndRewardsZero() throws IOException {
        Recipes.run(config("whole"), RunListener.SILENT, new StopSignal());
        String first = metrics("whole").stream().filter(line -> !line.contains("\"kind\"")).findFirst().orElseThrow();
        JsonNode step = Json.parse(first, "metrics");
        assertThat(step.path("loss").asDouble()).isCloseTo(Math.log(2), org.assertj.core.api.Assertions.within(1e-5));
        assertThat(step.path("rewards_chosen").asDouble()).isCloseTo(0, org.assertj.core.api.Assertions.within(1e-4));
    }
}
