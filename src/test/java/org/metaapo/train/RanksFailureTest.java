package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.error.DataException;
import org.metaapo.error.DeviceException;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.NumericException;
import org.metaapo.error.RankFailedException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.ThreadRanks;

/** What fails on one rank ends all, is told by one, and gives the status. */
class RanksFailureTest {
    @TempDir
    Path temp;

    private RanksRuns runs;

    @BeforeEach
    void open() {
        runs = new RanksRuns(temp, temp);
    }

    @AfterEach
    void putBack() {
        TroubledLoss.onRank = 1;
    }

    private List<ThreadRanks.Outcome<Totals>> outcomes(int size, Function<Ranks, StopSignal> stop, Function<Ranks, String[]> keys) {
        return ThreadRanks.outcomes(size, ranks -> Recipes.run(
                ranks.agree(() -> runs.config("dpo", "run", keys.apply(ranks))), RunListener.SILENT, stop.apply(ranks), ranks));
    }

    private static String[] troubled(String trouble, String... more) {
        return Stream.concat(Stream.of("objective.name=java", "objective.class=org.metaapo.train.TroubledLoss$" + trouble, "data.eval=[]"), Stream.of(more))
                .toArray(String[]::new);
    }

    /** With a failure of the kind on one rank. */
    private List<ThreadRanks.Outcome<Totals>> failing(String kind, int size, int rank) {
        Function<Ranks, StopSignal> none = ranks -> new StopSignal();
        TroubledLoss.onRank = rank;
        switch (kind) {
            case "usage":
                return outcomes(size, none, ranks -> new String[] {ranks.rank() == rank ? "train.batch=none" : "train.batch=3"});
            case "data":
                return outcomes(size, none, ranks -> ranks.rank() == rank ? new String[] {"data.train=[nowhere.jsonl]"} : new String[0]);
            case "device":
                return outcomes(size, none, ranks -> ranks.rank() == rank ? new String[] {"device=cuda:77"} : new String[0]);
            case "stop":
                return outcomes(size, ranks -> {
                    StopSignal stop = new StopSignal();
                    if (ranks.rank() == rank) {
                        stop.request();
                    }
                    return stop;
                }, ranks -> new String[] {"data.eval=[]"});
            default:
                return outcomes(size, none, ranks -> troubled(kind));
        }
    }

    @ParameterizedTest
    @CsvSource({"usage, 2", "data, 3", "device, 4", "stop, 5", "Throws, 1", "FillsMemory, 4", "Explodes, 1"})
    @DisplayName("xgboost#11217, nccl#582: a failure of each kind on each rank is told once, and all end with its status")
    void aFailureOfEachKindOnEachRankIsToldOnce(String kind, int status) throws Exception {
        for (int size : new int[] {2, 3}) {
            for (int rank = 0; rank < size; rank++) {
                AtomicFiles.deleteTree(temp.resolve("run"));
                List<ThreadRanks.Outcome<Totals>> outcomes = failing(kind, size, rank);
                String where = kind + " on rank " + rank + " of " + size;
                assertThat(outcomes).as(where).extracting(outcome -> MetaapoException.statusOf(outcome.failure())).containsOnly(status);
                assertThat(outcomes).as(where).filteredOn(outcome -> !(outcome.failure() instanceof RankFailedException)).hasSize(1);
            }
        }
    }

    @Test
    @DisplayName("a failure where the others wait for the rank wakes them")
    void aFailureWhileOthersWaitEndsAll() {
        List<ThreadRanks.Outcome<Totals>> outcomes = outcomes(3, ranks -> new StopSignal(), ranks -> troubled("Throws", "train.shard=gradients"));
        assertThat(outcomes.get(1).failure()).isInstanceOf(RunFailedException.class).hasMessageContaining("no value today");
        assertThat(outcomes).allSatisfy(outcome -> assertThat(outcome.failure()).isNotNull());
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "gradients"})
    @DisplayName("a rank that hangs in a step is named by one of those that wait for it, and ends all")
    void aRankThatHangsInAStepEndsAll(String shard) {
        List<ThreadRanks.Outcome<Totals>> outcomes = outcomes(3, ranks -> new StopSignal(), ranks -> troubled("Hangs", "train.shard=" + shard, "ranks.timeout=1"));
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
    @DisplayName("xgboost#11217: an exception of one rank ends all, with one message and its status")
    void ranksThatAreGivenDifferentRunsAreRefused() {
        RanksRuns.assertFailed(ThreadRanks.outcomes(3, ranks -> Recipes.run(
                runs.config("metaapo", "run", "train.micro_tokens=" + (ranks.rank() == 1 ? 400 : 300)), RunListener.SILENT, new StopSignal(), ranks)),
                UsageException.class);
        RanksRuns.assertFailed(ThreadRanks.outcomes(2, ranks -> Recipes.run(
                runs.config("metaapo", "run", "data.train=[-]"), RunListener.SILENT, new StopSignal(), ranks)), UsageException.class);
        RanksRuns.assertFailed(ThreadRanks.outcomes(2, ranks -> Recipes.run(
                runs.config("metaapo", "run", "data.train=[" + temp.resolve("nowhere.jsonl") + "]"), RunListener.SILENT, new StopSignal(), ranks)),
                DataException.class);
    }

    @Test
    void weightsThatAreNotFiniteAreToldOnce() {
        RanksRuns.assertFailed(ThreadRanks.outcomes(2, ranks -> Recipes.run(
                runs.config("dpo", "run", "optimizer.learning_rate=1000", "optimizer.clip=0", "optimizer.eps=0", "train.shard=optimizer", "data.eval=[]"),
                RunListener.SILENT, new StopSignal(), ranks)), NumericException.class);
    }
}
