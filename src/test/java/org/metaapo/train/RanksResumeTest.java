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
import org.metaapo.error.DeviceException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.NumericException;
import org.metaapo.error.RankFailedException;
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

    /** One rank says what happened, all end with its status. */
    private static void assertFailed(List<? extends ThreadRanks.Outcome<?>> outcomes, Class<? extends MetaapoException> type) {
        assertThat(outcomes).allSatisfy(outcome -> assertThat(outcome.failure()).isInstanceOf(MetaapoException.class));
        assertThat(outcomes.stream().filter(outcome -> !(outcome.failure() instanceof RankFailedException)).toList()).singleElement()
                .satisfies(outcome -> assertThat(outcome.failure()).isInstanceOf(type));
        assertThat(outcomes.stream().map(outcome -> ((MetaapoException) outcome.failure()).exitStatus()).distinct().toList()).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "1, 4", "1, sampling", "0, ranking", "1, scoring", "1, reference log-probs", "1, evaluating"})
    @DisplayName("Lightning#20806, Megatron#1376: a stop that one rank hears of ends all with a checkpoint, and the run goes on to the same bits")
    void aStopOnOneRankEndsAll(int rank, String at) throws IOException {
        Path whole = Path.of(runs.whole("metaapo", 2, "train.epochs=2"));
        assertFailed(stopped("metaapo", 2, rank, at, "train.epochs=2"), InterruptedRunException.class);
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
            assertFailed(stopped(recipe, size, size - 1, String.valueOf(step), epochs, "train.shard=" + shard), InterruptedRunException.class);
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
            assertFailed(stopped(recipe, 2, 1, step, keys), InterruptedRunException.class);
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
            assertFailed(stopped("dpo", size, 0, String.valueOf(step), stages), InterruptedRunException.class);
            step += 2;
        }
        assertFailed(ThreadRanks.outcomes(1, ranks -> Recipes.run(
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
        assertFailed(outcomes, UsageException.class);
        assertThat(outcomes.get(0).failure()).hasMessageStartingWith("train.shard is weights, and " + message);
    }

    @Test
    @DisplayName("xgboost#11217: an exception of one rank ends all, with one message and its status")
    void ranksThatAreGivenDifferentRunsAreRefused() {
        assertFailed(ThreadRanks.outcomes(3, ranks -> Recipes.run(
                runs.config("metaapo", "run", "train.micro_tokens=" + (ranks.rank() == 1 ? 400 : 300)), RunListener.SILENT, new StopSignal(), ranks)),
                UsageException.class);
        assertFailed(ThreadRanks.outcomes(2, ranks -> Recipes.run(
                runs.config("metaapo", "run", "data.train=[-]"), RunListener.SILENT, new StopSignal(), ranks)), UsageException.class);
        assertFailed(ThreadRanks.outcomes(2, ranks -> Recipes.run(
                runs.config("metaapo", "run", "data.train=[" + temp.resolve("nowhere.jsonl") + "]"), RunListener.SILENT, new StopSignal(), ranks)),
                DataException.class);
    }

    /** DPO's loss, which fails on rank 1 alone, at the third step or so. */
    public static final class FailingLoss implements PairLoss {
        private int calls;

        @Override
        public Value evaluate(Pair pair) {
            if (Thread.currentThread().getName().equals("rank-1") && ++calls > 4) {
                throw new IllegalStateException("no value today");
            }
            return new Value(0.5, -0.1, 0.1);
        }
    }

    private List<ThreadRanks.Outcome<Totals>> failing(String shard) {
        String[] keys = {"train.shard=" + shard, "objective.name=java", "objective.class=" + FailingLoss.class.getName(), "data.eval=[]"};
        return ThreadRanks.outcomes(3, ranks -> Recipes.run(runs.config("dpo", "run", keys), RunListener.SILENT, new StopSignal(), ranks));
    }

    @Test
    @DisplayName("xgboost#11217, nccl#582: a failure in one rank's step is told once and ends all")
    void aFailureInAStepOfOneRankEndsAll() {
        assertFailed(failing("none"), RunFailedException.class);
        assertThat(failing("none").get(1).failure()).hasMessageContaining("no value today");
    }

    @Test
    @DisplayName("a failure where the others wait for the rank wakes them")
    void aFailureWhileOthersWaitEndsAll() {
        List<ThreadRanks.Outcome<Totals>> outcomes = failing("gradients");
        assertThat(outcomes.get(1).failure()).isInstanceOf(RunFailedException.class).hasMessageContaining("no value today");
        assertThat(outcomes).allSatisfy(outcome -> assertThat(outcome.failure()).isNotNull());
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "gradients"})
    @DisplayName("a rank that hangs in a step is named by one of those that wait for it, and ends all")
    void aRankThatHangsInAStepEndsAll(String shard) {
        String[] keys = {"train.shard=" + shard, "objective.name=java", "objective.class=" + HangingLoss.class.getName(), "data.eval=[]", "ranks.timeout=1"};
        List<ThreadRanks.Outcome<Totals>> outcomes = ThreadRanks.outcomes(3, ranks -> Recipes.run(
                runs.config("dpo", "run", keys), RunListener.SILENT, new StopSignal(), ranks));
        assertThat(outcomes).allSatisfy(outcome -> assertThat(outcome.failure()).isInstanceOf(DeviceException.class));
        assertThat(outcomes.stream().map(outcome -> outcome.failure().getMessage()).filter(message -> message.contains("waited for")).toList()).singleElement()
                .asString().containsPattern("rank [02] of 3: waited for [0-9.]+ s in a step for rank 1, at an? (gather|exchange).*; see what hangs there, or give a longer ranks.timeout");
    }

    @Test
    @DisplayName("llm-foundry#733: ranks.timeout is of steps alone: the leader may take its time elsewhere")
    void aSlowLeaderOutsideOfStepsIsWaitedFor() {
        RunListener slow = new RunListener() {
            @Override
            public void begin(String phase, long total) {
                if (phase.equals("writing the model") || phase.equals("training")) {
                    try {
                        Thread.sleep(3500);
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                }
            }
        };
        ThreadRanks.run(2, ranks -> Recipes.run(
                runs.config("dpo", "run", "train.epochs=1", "data.eval=[]", "ranks.timeout=3"), ranks.leader() ? slow : RunListener.SILENT, new StopSignal(), ranks));
        assertThat(temp.resolve("run/model/model.safetensors")).exists();
    }

    @Test
    void weightsThatAreNotFiniteAreToldOnce() {
        assertFailed(ThreadRanks.outcomes(2, ranks -> Recipes.run(
                runs.config("dpo", "run", "optimizer.learning_rate=1000", "optimizer.clip=0", "optimizer.eps=0", "train.shard=optimizer", "data.eval=[]"),
                RunListener.SILENT, new StopSignal(), ranks)), NumericException.class);
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
            assertFailed(ThreadRanks.outcomes(2, ranks -> Recipes.run(
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
