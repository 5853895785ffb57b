package org.metaapo.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.metaapo.error.DeviceException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.NumericException;
import org.metaapo.error.UsageException;

/** Life cycle and bad input of the facade. */
class EngineTest {
    private static final ModelShape SHAPE = new ModelShape(
            11, 8, 16, 1, 2, 1, 4, 32, OptionalInt.empty(), List.of(), Head.LM, false, false, false, false, false, ModelShape.Rope.DEFAULT, 1e-5, 1e4, 1, 0, 0, 0);

    private static TokenBatch batch(int id) {
        TokenBatch.Builder builder = TokenBatch.builder();
        builder.pack(new int[] {1, 2}, List.of(new int[] {3, id}));
        return builder.build();
    }

    @Test
    void closingAParentClosesItsChildrenAndTwiceDoesNothing() {
        Engine engine = Engine.open(DeviceSpec.CPU, 1);
        Model model = engine.createModel(SHAPE, Dtype.F32);
        Scorer scorer = model.scorer(16);
        Trainer trainer = model.trainer(new TrainerOptions(16, false));
        Generator generator = model.generator(new GeneratorOptions(1, 16));
        engine.close();
        engine.close();
        model.close();
        scorer.close();
        try (TokenBatch batch = batch(4)) {
            assertThatThrownBy(() -> scorer.logprobs(batch)).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
            assertThatThrownBy(() -> trainer.forward(batch)).isInstanceOf(IllegalStateException.class);
        }
        assertThatThrownBy(() -> generator.generate(List.of(new int[] {1}), new long[1], sampling(), null))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> model.scorer(4)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(engine::info).isInstanceOf(IllegalStateException.class);
    }

    private static Sampling sampling() {
        return new Sampling(1, 4, false, 0, 1, 1, 0, new int[0]);
    }

    @Test
    void twoEnginesLiveInOneProcess() {
        try (Engine one = Engine.open(DeviceSpec.CPU, 1);
                Engine two = Engine.open(DeviceSpec.CPU, 2);
                Model first = one.createModel(SHAPE, Dtype.F32);
                Model second = two.createModel(SHAPE, Dtype.F32);
                TokenBatch batch = batch(4);
                Scorer a = first.scorer(16);
                Scorer b = second.scorer(16)) {
            first.initialize(3, 0.5);
            second.initialize(3, 0.5);
            assertThat(a.logprobs(batch)[0]).isCloseTo(b.logprobs(batch)[0], org.assertj.core.api.Assertions.within(1e-5));
            assertThat(one.info().threads()).isEqualTo(1);
            assertThat(two.info().gemm()).startsWith("oneDNN");
        }
    }

    @Test
    void badInputIsRefusedWithWords() {
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                Model model = engine.createModel(SHAPE, Dtype.F32);
                Scorer scorer = model.scorer(16);
                TokenBatch outside = batch(11)) {
            assertThatThrownBy(() -> scorer.logprobs(outside))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("token 3 is 11");
            assertThatThrownBy(() -> scorer.values(outside)).hasMessageContaining("value head");
            assertThatThrownBy(() -> model.scorer(0)).isInstanceOf(IllegalArgumentException.class);
            java.nio.ByteBuffer nan = java.nio.ByteBuffer.allocateDirect(4).order(java.nio.ByteOrder.nativeOrder());
            nan.putFloat(0, Float.NaN);
            assertThatThrownBy(() -> model.write(model.tensors().get(0), 1, nan, Dtype.F32))
                    .isInstanceOf(NumericException.class)
                    .hasMessageContaining("model.embed_tokens.weight: element 1");
            assertThatThrownBy(() -> model.write(model.tensors().get(0), 0, java.nio.ByteBuffer.allocate(4), Dtype.F32))
                    .hasMessageContaining("direct");
            try (Progress progress = new Progress();
                    TokenBatch batch = batch(4)) {
                progress.cancel();
                assertThatThrownBy(() -> scorer.logprobs(batch, progress)).isInstanceOf(InterruptedRunException.class);
                progress.reset();
                scorer.logprobs(batch, progress);
                assertThat(progress.done()).isEqualTo(4);
            }
        }
    }

    @Test
    void aGpuThatIsNotThereIsSaidAndTheProcessorServes() {
        assertThatThrownBy(() -> Engine.open(DeviceSpec.parse("cuda:9999"), 0))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("--device cpu");
        Engine.Gpus gpus = Engine.gpus();
        assertThat(gpus.reason().isEmpty()).isEqualTo(gpus.count() > 0);
        try (Engine engine = Engine.open(DeviceSpec.AUTO, 1)) {
            assertThat(engine.info().isa().startsWith("sm_")).isEqualTo(gpus.count() > 0);
        }
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                Model model = engine.createModel(SHAPE, Dtype.F32)) {
            assertThat(model.tensors()).isNotEmpty();
        }
    }

    @Test
    void aDeviceThatHasNoFormIsRefused() {
        assertThatThrownBy(() -> DeviceSpec.parse("gpu")).isInstanceOf(UsageException.class).hasMessageContaining("cuda:N");
    }
}
