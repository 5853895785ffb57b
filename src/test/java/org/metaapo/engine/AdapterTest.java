package org.metaapo.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Adapters through the facade; what they compute is checked by the native tests. */
class AdapterTest {
    private static final ModelShape SHAPE = new ModelShape(
            11, 8, 16, 2, 2, 1, 4, 32, OptionalInt.empty(), List.of(), Head.LM, false, false, false, false, false,
            ModelShape.Rope.DEFAULT, 1e-5, 1e4, 1, 0, 0, 0);
    private static final AdapterShape ALL = AdapterShape.uniform(
            Head.LM, 2, List.of(Projection.values()), new AdapterShape.LowRank(2, 2), 0, 0);

    private static TokenBatch batch() {
        TokenBatch.Builder builder = TokenBatch.builder();
        builder.pack(new int[] {1, 2}, List.of(new int[] {3, 4}, new int[] {5}));
        return builder.build();
    }

    private static double[] sums(Network network) {
        try (Scorer scorer = network.scorer(16);
                TokenBatch batch = batch()) {
            return scorer.logprobs(batch);
        }
    }

    private static void train(Network network, int steps) {
        try (Trainer trainer = network.trainer(new TrainerOptions(16, false));
                TokenBatch batch = batch()) {
            for (int step = 1; step <= steps; step++) {
                trainer.forward(batch);
                trainer.backward(new double[] {-1, 1});
                trainer.step(new AdamW(0.05, 0.9, 0.95, 1e-8, 0, 1, step));
            }
        }
    }

    private static float first(Network network, TensorInfo tensor) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(4).order(ByteOrder.LITTLE_ENDIAN);
        network.read(tensor, 0, buffer, Dtype.F32);
        return buffer.getFloat(0);
    }

    @Test
    void aTrainedAdapterStandsBesideItsModelAndMergesIntoAnother() {
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                Model model = engine.createModel(SHAPE, Dtype.F32);
                Model merged = engine.createModel(SHAPE, new ModelOptions(Dtype.F32));
                Adapter adapter = model.createAdapter(ALL);
                Adapter start = model.createAdapter(ALL)) {
            model.initialize(1, 0.5);
            adapter.initialize(2, Adapter.Init.UNIFORM);
            start.copyFrom(adapter);
            double[] base = sums(model);
            assertThat(sums(adapter)).isEqualTo(base);
            train(adapter, 3);
            double[] trained = sums(adapter);
            assertThat(trained[0] - trained[1]).isGreaterThan(base[0] - base[1] + 0.1);
            assertThat(sums(model)).isEqualTo(base);
            assertThat(sums(start)).isEqualTo(base);
            merged.mergeFrom(adapter);
            assertThat(sums(merged)[0]).isCloseTo(trained[0], within(1e-4));
            try (Generator one = adapter.generator(new GeneratorOptions(1, 32));
                    Generator two = merged.generator(new GeneratorOptions(1, 32))) {
                Sampling greedy = new Sampling(1, 6, true, 0, 1, 1, 0, new int[0]);
                List<int[]> prompts = List.of(new int[] {1, 2});
                assertThat(one.generate(prompts, new long[1], greedy, null).get(0).get(0).tokens())
                        .isEqualTo(two.generate(prompts, new long[1], greedy, null).get(0).get(0).tokens());
            }
        }
    }

    @Test
    void tensorsHaveTheNamesOfPeft() {
        Map<Projection, AdapterShape.LowRank> values = Map.of(Projection.V, new AdapterShape.LowRank(3, 1.5));
        AdapterShape shape = new AdapterShape(Head.VALUE, List.of(Map.of(), values), 0.1, 7);
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                Model model = engine.createModel(SHAPE, Dtype.BF16);
                Adapter adapter = model.createAdapter(shape)) {
            assertThat(adapter.tensors()).containsExactly(
                    new TensorInfo(0, "model.layers.1.self_attn.v_proj.lora_A.weight", List.of(3L, 8L), 24, false),
                    new TensorInfo(1, "model.layers.1.self_attn.v_proj.lora_B.weight", List.of(4L, 3L), 12, false),
                    new TensorInfo(2, "score.weight", List.of(1L, 8L), 8, false));
            assertThat(adapter.dtype()).isEqualTo(Dtype.F32);
            adapter.initialize(3, Adapter.Init.GAUSSIAN);
            TensorInfo score = adapter.tensors().get(2);
            float drawn = first(adapter, score);
            assertThat(drawn).isNotZero();
            ByteBuffer buffer = ByteBuffer.allocateDirect(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, drawn / 3);
            adapter.write(score, 0, buffer, Dtype.F32);
            assertThat(first(adapter, score)).isEqualTo(drawn / 3);
        }
    }

    @Test
    @DisplayName("unsloth-zoo#830: what runs without the adapter runs without its score head too")
    void aSavedHeadIsOffWithItsAdapter() {
        ModelShape reward = new ModelShape(
                11, 8, 16, 2, 2, 1, 4, 32, OptionalInt.empty(), List.of(), Head.VALUE, false, false, false, false, false,
                ModelShape.Rope.DEFAULT, 1e-5, 1e4, 1, 0, 0, 0);
        AdapterShape shape = AdapterShape.uniform(Head.VALUE, 2, List.of(Projection.Q), new AdapterShape.LowRank(2, 2), 0, 0);
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                Model model = engine.createModel(reward, Dtype.F32);
                Adapter adapter = model.createAdapter(shape);
                TokenBatch batch = batch()) {
            model.initialize(1, 0.5);
            double[] base = values(model, batch);
            adapter.initialize(2, Adapter.Init.UNIFORM);
            double[] fresh = values(adapter, batch);
            assertThat(fresh).isNotEqualTo(base);
            train(adapter, 2);
            assertThat(values(adapter, batch)).isNotEqualTo(fresh);
            assertThat(values(model, batch)).isEqualTo(base);
        }
    }

    private static double[] values(Network network, TokenBatch batch) {
        try (Scorer scorer = network.scorer(16)) {
            return scorer.values(batch);
        }
    }

    @Test
    void badAdaptersAreRefused() {
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                Model model = engine.createModel(SHAPE, Dtype.F32)) {
            AdapterShape wide = AdapterShape.uniform(Head.LM, 2, List.of(Projection.K), new AdapterShape.LowRank(5, 1), 0, 0);
            assertThatThrownBy(() -> model.createAdapter(wide))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("model.layers.0.self_attn.k_proj is 5; expected 0 to 4");
            AdapterShape none = new AdapterShape(Head.LM, List.of(Map.of(), Map.of()), 0, 0);
            assertThatThrownBy(() -> model.createAdapter(none)).hasMessageContaining("no weight to train");
            Adapter adapter = model.createAdapter(ALL);
            Scorer scorer = adapter.scorer(16);
            model.close();
            assertThatThrownBy(() -> adapter.scorer(16)).isInstanceOf(IllegalStateException.class).hasMessageContaining("the adapter is closed");
            assertThatThrownBy(() -> scorer.logprobs(batch())).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void aPlanOfAnAdapterHasNoGradientsOfTheModel() {
        TrainerOptions trainer = new TrainerOptions(64, true);
        MemoryPlan full = Engine.plan(SHAPE, new ModelOptions(Dtype.BF16), DeviceSpec.CPU, 1, null, trainer, null);
        MemoryPlan adapter = Engine.plan(SHAPE, new ModelOptions(Dtype.BF16), DeviceSpec.CPU, 1, ALL, trainer, null);
        assertThat(full.adapter()).isZero();
        assertThat(adapter.weights()).isEqualTo(full.weights());
        assertThat(adapter.adapter()).isPositive();
        assertThat(adapter.gradients()).isEqualTo(adapter.adapter() / 6 * 4);
        assertThat(adapter.master()).isZero();
        assertThat(adapter.total()).isEqualTo(
                adapter.weights() + adapter.adapter() + adapter.gradients() + adapter.moments() + adapter.trainerActivations()
                        + adapter.trainerWorkspace() + adapter.scorer());
    }
}
