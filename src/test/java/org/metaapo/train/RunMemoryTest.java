package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.MemoryPlan;
import org.metaapo.engine.TrainerOptions;
import org.metaapo.error.DeviceException;
import org.metaapo.files.Fixtures;

/** The plan of a run's memory. */
class RunMemoryTest {
    private static RunMemory memory(String... overrides) {
        return Recipes.size(config(overrides), RunListener.SILENT).memory();
    }

    private static RunConfig config(String... overrides) {
        return RunConfig.parse(String.join("\n",
                "recipe: metaapo", "out: unused", "dtype: bf16",
                "model: {path: " + Fixtures.path("tiny-llama") + "}", "reward: {path: " + Fixtures.path("tiny-rm") + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}"), "test", List.of(overrides));
    }

    @Test
    void aRunThatDoesNotFitIsRefusedWithItsNumbers() {
        RunMemory memory = memory();
        memory.check(memory.total());
        assertThatThrownBy(() -> memory.check(memory.total() - 1))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("MiB are available; lower train.micro_tokens");
    }

    @Test
    void recomputationAndSmallerMicroBatchesShrinkTheActivations() {
        RunMemory usual = memory("train.micro_tokens=4000");
        assertThat(memory("train.micro_tokens=4000", "train.recompute=true").policy().trainerActivations())
                .isLessThan(usual.policy().trainerActivations());
        assertThat(memory("train.micro_tokens=2000").policy().trainerActivations()).isLessThan(usual.policy().trainerActivations());
        assertThat(memory("dtype=f32").policy().master()).isZero();
        assertThat(usual.policy().master()).isPositive();
    }

    @Test
    void ranksTakeLessTheMoreTheyShareOut() {
        RunConfig config = RunConfig.parse(String.join("\n",
                "recipe: dpo", "out: unused", "dtype: bf16", "model: {path: " + Fixtures.path("tiny-llama") + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}"), "test", List.of());
        RunSize one = Recipes.size(config, RunListener.SILENT);
        assertThat(one.stages()).isEmpty();
        Map<TrainerOptions.Shard, RunMemory> stages = Recipes.size(config, 4, RunListener.SILENT).stages();
        assertThat(stages).containsOnlyKeys(TrainerOptions.Shard.values());
        MemoryPlan none = stages.get(TrainerOptions.Shard.NONE).policy();
        MemoryPlan optimizer = stages.get(TrainerOptions.Shard.OPTIMIZER).policy();
        long elements = none.gradients() / 4;
        assertThat(optimizer.moments()).isEqualTo(none.moments() / 4).isEqualTo(8 * elements / 4);
        assertThat(optimizer.master()).isEqualTo(2 * elements / 4);
        assertThat(Recipes.size(config.with("recipe", "metaapo").with("reward.path", Fixtures.path("tiny-rm").toString()), 4, RunListener.SILENT).stages())
                .doesNotContainKey(TrainerOptions.Shard.WEIGHTS);
    }

    @Test
    void onlyALocalRewardModelTakesMemory() {
        assertThat(memory().reward()).isPositive();
        assertThat(memory("reward.path=null", "reward.url=http://localhost:1/score").reward()).isZero();
        assertThat(memory("rollout.decision=none").reward()).isZero();
    }

    @Test
    void momentsOf8BitsTakeAQuarterAndNeedNoMaster() {
        RunMemory usual = memory();
        RunMemory small = memory("optimizer.state=8bit");
        assertThat(small.policy().master()).isZero();
        assertThat(small.policy().moments()).isBetween(usual.policy().moments() / 4, usual.policy().moments() * 26 / 100);
        assertThat(small.policy().gradients()).isEqualTo(usual.policy().gradients());
    }

    @Test
    void whatIsOffloadedIsNotOnTheDevice() {
        RunMemory gpu = memory("device=cuda:0");
        RunMemory offloaded = memory("device=cuda:0", "optimizer.offload=true");
        assertThat(gpu.policy().backend()).isPositive();
        assertThat(gpu.total() - offloaded.total()).isEqualTo(gpu.policy().master() + gpu.policy().moments());
        assertThat(memory("device=cuda:0", "reference.offload=true").reference()).isEqualTo(gpu.policy().weightsOffloaded());
        assertThat(memory("device=cpu", "optimizer.offload=true", "reference.offload=true").total()).isEqualTo(memory("device=cpu").total());
    }
}
