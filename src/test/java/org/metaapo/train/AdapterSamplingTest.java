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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Adapter;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.model.ModelLoader;

/** Runs whose policy is an adapter and that sample: with a merged copy or without, ranked by an adapter over the same model. */
class AdapterSamplingTest {
    @TempDir
    Path temp;

    private RunConfig config(String out, String... overrides) {
        List<String> all = new ArrayList<>(List.of("reward.path=" + Fixtures.path("tiny-rm")));
        all.addAll(List.of(overrides));
        return RunConfig.parse(String.join("\n",
                "recipe: metaapo", "out: " + temp.resolve(out), "dtype: f32", "threads: 1", "model: {path: " + Fixtures.path("tiny-llama") + "}",
                "adapter: {path: " + Fixtures.path("lora/llama-all") + "}", "data: {train: [" + Fixtures.path("pairs.jsonl") + "], max_length: 256}",
                "rollout: {decision: all, slice: 4, k: 3, max_new_tokens: 8}", "meta: {every: 2}", "optimizer: {learning_rate: 1e-3}",
                "train: {epochs: 2, batch: 2}", "checkpoint: {every: 1}"), "test", all);
    }

    private List<JsonNode> samples(String out, String... overrides) throws IOException {
        Recipes.run(config(out, overrides), RunListener.SILENT, new StopSignal());
        return Files.readAllLines(new RunFolder(temp.resolve(out)).samples(0, 0)).stream().map(line -> Json.parse(line, "sample")).toList();
    }

    /** Compares the answers and their rewards of two runs' first slices. */
    private static void alike(List<JsonNode> one, List<JsonNode> other) {
        assertThat(one).hasSameSizeAs(other).isNotEmpty();
        for (int i = 0; i < one.size(); i++) {
            for (int k = 0; k < 3; k++) {
                JsonNode a = one.get(i).path("answers").get(k);
                JsonNode b = other.get(i).path("answers").get(k);
                assertThat(a.path("text")).isEqualTo(b.path("text"));
                assertThat(a.path("logp").asDouble()).isCloseTo(b.path("logp").asDouble(), within(1e-3));
                assertThat(a.path("reward").asDouble()).isCloseTo(b.path("reward").asDouble(), within(1e-4));
            }
        }
    }

    @Test
    void aMergedCopyAndTheAdapterAnswerAlike() throws IOException {
        List<JsonNode> unmerged = samples("unmerged", "rollout.merge=false");
        alike(samples("merged", "rollout.merge=true"), unmerged);
        alike(samples("auto"), unmerged);
    }

    @Test
    void theCopyIsPlannedAndAutoTakesItWhereItFits() {
        RunMemory without = memory("rollout.merge=false");
        RunMemory with = memory("rollout.merge=true");
        RunMemory auto = memory();
        assertThat(with.merged()).isEqualTo(with.policy().weights());
        assertThat(with.total() - without.total()).isEqualTo(with.merged());
        assertThat(auto.total()).isEqualTo(without.total());
        assertThat(auto.decided(with.total(), null).total()).isEqualTo(with.total());
        assertThat(auto.decided(with.total() - 1, null).total()).isEqualTo(without.total());
        // A run that goes on does as it began.
        assertThat(auto.decided(0, true).total()).isEqualTo(with.total());
        assertThat(auto.decided(Long.MAX_VALUE, false).total()).isEqualTo(without.total());
        assertThat(without.decided(Long.MAX_VALUE, null).merged()).isZero();
        assertThatThrownBy(() -> with.check(with.total() - 1)).hasMessageContaining("rollout.merge=false");
        assertThat(Recipes.size(config("unused", "rollout.merge=true"), RunListener.SILENT).smaller()).containsEntry("rollout.merge=false", without.total());
        assertThat(memory("recipe=dpo", "reward.path=null", "rollout.merge=true").merged()).isZero();
    }

    private RunMemory memory(String... overrides) {
        return Recipes.size(config("unused", overrides), RunListener.SILENT).memory();
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "false"})
    void aRunThatGoesOnSamplesAsItBegan(String merge) throws IOException {
        Recipes.run(config("whole", "rollout.merge=" + merge), RunListener.SILENT, new StopSignal());
        StopSignal stop = new StopSignal();
        RunListener stopping = new RunListener() {
            @Override
            public void metrics(com.fasterxml.jackson.databind.node.ObjectNode line) {
                if (line.path("step").asInt() == 2) {
                    stop.request();
                }
            }
        };
        assertThatThrownBy(() -> Recipes.run(config("stopped", "rollout.merge=" + merge), stopping, stop)).isInstanceOf(InterruptedRunException.class);
        Recipes.run(config("stopped"), RunListener.SILENT, new StopSignal());
        Path file = Path.of("adapter", "adapter_model.safetensors");
        assertThat(temp.resolve("stopped").resolve(file)).hasSameBinaryContentAs(temp.resolve("whole").resolve(file));
    }

    @Test
    void aRewardAdapterOverTheSameModelRanksAsItsMergedModelDoesAndTakesNoSecondWeights() throws IOException {
        String adapter = "reward.adapter=" + Fixtures.path("lora/llama-reward");
        Path merged = merged();
        List<JsonNode> shared = samples("shared", adapter, "reward.path=null");
        alike(shared, samples("separate", "reward.path=" + merged));
        alike(shared, samples("named", adapter, "reward.path=" + Fixtures.path("tiny-llama")));
        RunMemory one = memory(adapter, "reward.path=null");
        RunMemory two = memory("reward.path=" + merged);
        assertThat(two.reward() - one.reward()).isGreaterThan(two.policy().weights() / 2);
        // Where all weights are trained, the reward's must stay as they are.
        RunMemory whole = memory(adapter, "reward.path=null", "adapter.path=null");
        assertThat(whole.reward() - one.reward()).isGreaterThan(two.policy().weights() / 2);
        Recipes.run(config("whole", adapter, "reward.path=null", "adapter.path=null", "train.epochs=1"), RunListener.SILENT, new StopSignal());
    }

    private Path merged() {
        Path folder = temp.resolve("merged");
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                AdaptedFolder both = AdaptedFolder.open(Fixtures.path("tiny-llama"), Fixtures.path("lora/llama-reward"));
                AdaptedFolder.Loaded weights = both.load(engine, Dtype.F32, 512)) {
            weights.model().mergeFrom((Adapter) weights.network());
            ModelLoader.save(folder, weights.model(), both.base());
        }
        return folder;
    }
}
