package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
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
    static Path kept;

    @TempDir
    Path temp;

    private RanksRuns runs;

    @BeforeEach
    void open() {
        runs = new RanksRuns(temp, kept);
    }

    static Stream<String> recipes() {
        return ConfigKeys.find("recipe").choices().stream();
    }

    @ParameterizedTest
    @MethodSource("recipes")
    @DisplayName("torchtitan#2206, torchtune PR#2275, trl#2468, vllm#11953: counts, losses, metrics and samples are those of one rank")
    void everyRecipeTakesTheCourseOfOneRank(String recipe) throws IOException {
        for (int size : new int[] {2, 3}) {
            runs.assertSameCourse(runs.whole(recipe, 1), runs.whole(recipe, size));
        }
    }

    @Test
    @DisplayName("torchtune PR#2275: the first loss of DPO is ln 2 on any number of ranks")
    void theFirstLossIsThatOfEqualModels() throws IOException {
        for (int size : new int[] {1, 2, 3}) {
            JsonNode first = runs.metrics(runs.whole("dpo", size)).stream().filter(line -> line.path("step").asInt() == 1 && line.has("loss")).findFirst().orElseThrow();
            assertThat(first.path("loss").asDouble()).isCloseTo(Math.log(2), within(1e-6));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"metaapo", "kto", "sft"})
    void everyRecipeTakesTheCourseOfOneRankWithAnAdapter(String recipe) throws IOException {
        runs.assertSameCourse(runs.whole(recipe, 1, "adapter.rank=4"), runs.whole(recipe, 2, "adapter.rank=4"));
    }

    @ParameterizedTest
    @CsvSource({"metaapo, optimizer, 2", "metaapo, gradients, 3", "kto, gradients, 2", "sft, gradients, 3", "dpo, optimizer, 3", "dpo, weights, 2", "dpo, weights, 3",
        "kto, weights, 3", "sft, weights, 2", "reward-model, weights, 2", "selective-dpo, weights, 3"})
    @DisplayName("torchtitan#766, AReaL#312, VeOmni#184, DeepSpeed#966: every stage takes the course of one rank")
    void everyStageTakesTheCourseOfOneRank(String recipe, String shard, int size) throws IOException {
        RanksRuns.run(size, ranks -> runs.config(recipe, "shared", "train.shard=" + shard));
        runs.assertSameCourse(runs.whole(recipe, 1), "shared");
    }

    @ParameterizedTest
    @ValueSource(strings = {"optimizer", "gradients", "weights"})
    void everyStageTakesTheCourseOfOneRankWithAnAdapter(String shard) throws IOException {
        RanksRuns.run(2, ranks -> runs.config("dpo", "two", "adapter.rank=4", "train.shard=" + shard));
        runs.assertSameCourse(runs.whole("dpo", 1, "adapter.rank=4"), "two");
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
        RanksRuns.run(3, ranks -> runs.config("metaapo", "second"));
        Path first = Path.of(runs.whole("metaapo", 3));
        assertThat(runs.metrics("second")).isEqualTo(runs.metrics(first.toString()));
        for (String file : List.of("model/model.safetensors", "meta-learner.json", "meta-buffer.jsonl")) {
            assertThat(temp.resolve("second").resolve(file)).hasSameBinaryContentAs(first.resolve(file));
        }
    }
}
