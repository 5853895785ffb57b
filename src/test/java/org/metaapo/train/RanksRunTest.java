package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.ConfigKeys;

/** Every recipe on several ranks takes the course that it takes on one, but for rounding. */
class RanksRunTest {
    @TempDir
    Path temp;

    private RanksRuns runs;

    @BeforeEach
    void open() {
        runs = new RanksRuns(temp);
    }

    static Stream<String> recipes() {
        return ConfigKeys.find("recipe").choices().stream();
    }

    @ParameterizedTest
    @MethodSource("recipes")
    @DisplayName("torchtitan#2206, torchtune PR#2275, trl#2468, vllm#11953: counts, losses, metrics and samples are those of one rank")
    void everyRecipeTakesTheCourseOfOneRank(String recipe) throws IOException {
        RanksRuns.run(1, ranks -> runs.config(recipe, "one"));
        for (int size : new int[] {2, 3}) {
            String out = "of-" + size;
            RanksRuns.run(size, ranks -> runs.config(recipe, out));
            runs.assertSameCourse("one", out);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"metaapo", "kto", "sft"})
    void everyRecipeTakesTheCourseOfOneRankWithAnAdapter(String recipe) throws IOException {
        RanksRuns.run(1, ranks -> runs.config(recipe, "one", "adapter.rank=4"));
        RanksRuns.run(2, ranks -> runs.config(recipe, "two", "adapter.rank=4"));
        runs.assertSameCourse("one", "two");
    }

    @ParameterizedTest
    @CsvSource({"metaapo, optimizer", "metaapo, gradients", "kto, gradients", "sft, gradients", "dpo, optimizer", "dpo, weights", "kto, weights",
        "sft, weights", "reward-model, weights", "selective-dpo, weights"})
    @DisplayName("torchtitan#766, AReaL#312, VeOmni#184, DeepSpeed#966: every stage takes the course of one rank")
    void everyStageTakesTheCourseOfOneRank(String recipe, String shard) throws IOException {
        RanksRuns.run(1, ranks -> runs.config(recipe, "one"));
        for (int size : new int[] {2, 3}) {
            String out = "of-" + size;
            RanksRuns.run(size, ranks -> runs.config(recipe, out, "train.shard=" + shard));
            runs.assertSameCourse("one", out);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"optimizer", "gradients", "weights"})
    void everyStageTakesTheCourseOfOneRankWithAnAdapter(String shard) throws IOException {
        RanksRuns.run(1, ranks -> runs.config("dpo", "one", "adapter.rank=4"));
        RanksRuns.run(2, ranks -> runs.config("dpo", "two", "adapter.rank=4", "train.shard=" + shard));
        runs.assertSameCourse("one", "two");
    }

    @Test
    void stagesAreBitEqualWhereARankHasOneTurn() throws IOException {
        for (String shard : List.of("optimizer", "gradients", "weights")) {
            RanksRuns.run(2, ranks -> runs.config("dpo", shard, "train.shard=" + shard, "train.micro_tokens=4096", "train.batch=4", "train.epochs=3"));
        }
        for (String other : List.of("gradients", "weights")) {
            assertThat(runs.metrics(other)).isEqualTo(runs.metrics("optimizer"));
            assertThat(temp.resolve(other).resolve("model/model.safetensors"))
                    .hasSameBinaryContentAs(temp.resolve("optimizer/model/model.safetensors"));
        }
    }

    @Test
    void equalRunsOnAsManyRanksAreBitEqual() throws IOException {
        for (String out : List.of("first", "second")) {
            RanksRuns.run(3, ranks -> runs.config("metaapo", out));
        }
        assertThat(runs.metrics("second")).isEqualTo(runs.metrics("first"));
        for (String file : List.of("model/model.safetensors", "meta-learner.json", "meta-buffer.jsonl")) {
            assertThat(temp.resolve("second").resolve(file)).hasSameBinaryContentAs(temp.resolve("first").resolve(file));
        }
    }
}
