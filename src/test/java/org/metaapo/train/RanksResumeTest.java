package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.ranks.ThreadRanks;
import org.metaapo.reward.FakeService;

/** Ranks stop together, fail together, and go on together, as many as before or not. */
class RanksResumeTest {
    @TempDir
    static Path kept;

    @TempDir
    Path temp;

    private RanksRuns runs;

    @BeforeEach
    void open() {
        runs = new RanksRuns(temp, kept);
    }

    /** Asks for a stop at a step, or at the beginning of a phase. */
    private static RunListener stopping(StopSignal stop, String at) {
        return new RunListener() {
            @Override
            public void metrics(ObjectNode line) {
                if (!line.has("kind") && line.path("step").asText().equals(at)) {
                    stop.request();
                }
            }

            @Override
            public void begin(String phase, long total) {
                if (phase.equals(at)) {
                    stop.request();
                }
            }
        };
    }

    /** Runs on {@code size} ranks, one of which hears of a stop. */
    private List<ThreadRanks.Outcome<Totals>> stopped(String recipe, int size, int rank, String at, String... keys) {
        return ThreadRanks.outcomes(size, ranks -> {
            StopSignal stop = new StopSignal();
            RunListener listener = ranks.rank() == rank ? stopping(stop, at) : RunListener.SILENT;
            return Recipes.run(runs.config(recipe, "run", keys), listener, stop, ranks);
        });
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "1, 4", "1, sampling", "0, ranking", "1, scoring", "1, reference log-probs", "1, evaluating"})
    @DisplayName("Lightning#20806, Megatron#1376: a stop that one rank hears of ends all with a checkpoint, and the run goes on to the same bits")
    void aStopOnOneRankEndsAll(int rank, String at) throws IOException {
        Path whole = Path.of(runs.whole("metaapo", 2, "train.epochs=2"));
        RanksRuns.assertFailed(stopped("metaapo", 2, rank, at, "train.epochs=2"), InterruptedRunException.class);
        assertThat(temp.resolve("run/checkpoints")).isNotEmptyDirectory();
        RanksRuns.run(2, ranks -> runs.config("metaapo", "run", "train.epochs=2"));
        assertThat(runs.metrics("run")).isEqualTo(runs.metrics(whole.toString()));
        assertThat(temp.resolve("run/model/model.safetensors")).hasSameBinaryContentAs(whole.resolve("model/model.safetensors"));
    }

    @ParameterizedTest
    @CsvSource({"metaapo, none", "metaapo, optimizer", "kto, gradients", "dpo, weights"})
    @DisplayName("DeepSpeed#2898, #3810: another number of ranks goes on")
    void aRunGoesOnWithAnotherNumberOfRanks(String recipe, String shard) throws IOException {
        String epochs = "train.epochs=4";
        int step = 2;
        for (int size : new int[] {2, 3, 1, 2}) {
            RanksRuns.assertFailed(stopped(recipe, size, size - 1, String.valueOf(step), epochs, "train.shard=" + shard), InterruptedRunException.class);
            step += 2;
        }
        RanksRuns.run(3, ranks -> runs.config(recipe, "run", epochs, "train.shard=optimizer"));
        runs.assertSameCourse(runs.whole(recipe, 1, epochs), "run");
    }

    @ParameterizedTest
    @CsvSource({"metaapo, optimizer, 8bit, bf16", "metaapo, gradients, f32, bf16", "dpo, weights, 8bit, f32"})
    void asManyRanksGoOnToTheSameBits(String recipe, String shard, String state, String dtype) throws IOException {
        String[] keys = {"train.shard=" + shard, "optimizer.state=" + state, "dtype=" + dtype, "train.epochs=2"};
        RanksRuns.run(2, ranks -> runs.config(recipe, "whole", keys));
        for (String step : List.of("1", "4")) {
            RanksRuns.assertFailed(stopped(recipe, 2, 1, step, keys), InterruptedRunException.class);
        }
        RanksRuns.run(2, ranks -> runs.config(recipe, "run", keys));
        assertThat(runs.metrics("run")).isEqualTo(runs.metrics("whole"));
        assertThat(temp.resolve("run/model/model.safetensors")).hasSameBinaryContentAs(temp.resolve("whole/model/model.safetensors"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "optimizer", "gradients"})
    @DisplayName("moments of 8 bits are taken up by any number of ranks but one, with any train.shard")
    void momentsOf8BitsAreTakenUpByOtherRanks(String shard) throws IOException {
        String[] keys = {"optimizer.state=8bit", "data.eval=[]", "train.epochs=4"};
        RanksRuns.run(2, ranks -> runs.config("dpo", "whole", keys));
        int step = 2;
        for (int size : new int[] {2, 3, 4}) {
            String[] stages = {"optimizer.state=8bit", "data.eval=[]", "train.epochs=4", "train.shard=" + (size == 3 ? shard : "optimizer")};
            RanksRuns.assertFailed(stopped("dpo", size, 0, String.valueOf(step), stages), InterruptedRunException.class);
            step += 2;
        }
        RanksRuns.assertFailed(ThreadRanks.outcomes(1, ranks -> Recipes.run(
                runs.config("dpo", "run", keys), RunListener.SILENT, new StopSignal(), ranks)), DataException.class);
        RanksRuns.run(2, ranks -> runs.config("dpo", "run", keys));
        runs.assertSameCourse("whole", "run", 1e-4);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "metaapo | reward.overlong=drop | recipe metaapo samples answers, for which each rank needs whole weights",
        "dpo | reference.offload=true | reference.offload keeps the reference's whole",
        "dpo | adapter.rank=4 adapter.merge=true | adapter.merge works the adapter into whole ones"})
    void weightsThatAreNeededWholeAreNotSharedOut(String recipe, String keys, String message) {
        List<String> all = new ArrayList<>(List.of(keys.split(" ")));
        all.add("train.shard=weights");
        List<ThreadRanks.Outcome<Totals>> outcomes = ThreadRanks.outcomes(2, ranks -> Recipes.run(
                runs.config(recipe, "run", all.toArray(String[]::new)), RunListener.SILENT, new StopSignal(), ranks));
        RanksRuns.assertFailed(outcomes, UsageException.class);
        assertThat(outcomes.get(0).failure()).hasMessageStartingWith("train.shard is weights, and " + message);
    }

    @Test
    @DisplayName("a service is asked by one rank, as often as by one process")
    void lookupsAreThoseOfOneRank() throws IOException {
        try (FakeService service = new FakeService(FakeService::well)) {
            String[] keys = {"reward.path=null", "reward.url=" + service.url(), "rollout.decision=all", "train.epochs=2", "reward.answers_per_request=3"};
            RanksRuns.run(1, ranks -> runs.config("metaapo", "one", keys));
            List<String> asked = service.asked();
            service.bodies.clear();
            RanksRuns.run(3, ranks -> runs.config("metaapo", "three", keys));
            assertThat(service.asked()).containsExactlyInAnyOrderElementsOf(asked);
            runs.assertSameCourse("one", "three");
        }
    }

    @Test
    void aServiceThatFailsEndsAllRanksWithACheckpointAndTheRunGoesOn() throws IOException {
        try (FakeService service = new FakeService(FakeService::well)) {
            String[] keys = {"reward.path=null", "reward.url=" + service.url(), "rollout.decision=all", "train.epochs=2", "reward.retries=0",
                "reward.parallel=1"};
            RanksRuns.run(2, ranks -> runs.config("metaapo", "whole", keys));
            int broken = service.requests() + service.requests() / 2;
            service.behave((exchange, body, number) -> {
                if (number >= broken) {
                    FakeService.send(exchange, 503, "");
                } else {
                    FakeService.well(exchange, body, number);
                }
            });
            RanksRuns.assertFailed(ThreadRanks.outcomes(2, ranks -> Recipes.run(
                    runs.config("metaapo", "run", keys), RunListener.SILENT, new StopSignal(), ranks)), RunFailedException.class);
            assertThat(temp.resolve("run/checkpoints")).isNotEmptyDirectory();
            service.behave(FakeService::well);
            RanksRuns.run(2, ranks -> runs.config("metaapo", "run", keys));
            try (Stream<Path> samples = Files.list(temp.resolve("whole/samples"))) {
                for (Path file : samples.toList()) {
                    assertThat(temp.resolve("run/samples").resolve(file.getFileName())).hasSameBinaryContentAs(file);
                }
            }
            assertThat(temp.resolve("run/model/model.safetensors")).hasSameBinaryContentAs(temp.resolve("whole/model/model.safetensors"));
        }
    }
}
