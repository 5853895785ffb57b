package org.metaapo.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.metaapo.engine.Objective.Kind;
import org.metaapo.error.NumericException;
import org.metaapo.meta.MetaLearner;

/** The trainer's fused step is the pure function of its log-prob sums, and its gradient that of a backward by hand. */
class TrainerObjectivesTest {
    private static final ModelShape SHAPE = new ModelShape(
            11, 8, 16, 1, 2, 1, 4, 32, OptionalInt.empty(), List.of(), Head.LM, false, false, false, false, false, ModelShape.Rope.DEFAULT, 1e-5, 1e4, 1, 0, 0, 0);
    private static final int[] LENGTHS = {3, 1, 2, 4, 2, 3, 1};
    private static final double[] REFERENCE = {-7, -3, -5, -9, -4, -8, -2};

    /** Answers 0 to 6 to two prompts. */
    private static TokenBatch batch() {
        TokenBatch.Builder builder = TokenBatch.builder();
        builder.pack(new int[] {1, 2}, List.of(new int[] {3, 4, 5}, new int[] {6}, new int[] {7, 8}));
        builder.pack(new int[] {2}, List.of(new int[] {9, 10, 3, 1}, new int[] {5, 5}, new int[] {4, 6, 8}, new int[] {7}));
        return builder.build();
    }

    private static Pairs pairs(Kind kind, int[] counts) {
        boolean online = kind != Kind.SPPO;
        boolean explores = kind == Kind.SELM || kind == Kind.XPO;
        return new Pairs(
                new int[] {0, 3}, new int[] {1, kind == Kind.KTO ? -1 : 4}, online ? new int[] {2, -1} : null,
                online ? new int[] {1, -1} : null, REFERENCE, counts, explores ? new int[] {0, 6} : null,
                kind == Kind.SPPO ? new double[] {0.8, 0.25, 1, 0} : null,
                kind == Kind.GIVEN ? new double[] {1.5, -0.2, 0.4, -2.5, 0.6, -0.8, 3, 0.1, -0.3, 0, 0, 0} : null);
    }

    private static float[] gradient(Model model, Trainer trainer) {
        float[] all = new float[0];
        for (TensorInfo tensor : model.tensors()) {
            FloatBuffer buffer = ByteBuffer.allocateDirect((int) (4 * tensor.count())).order(ByteOrder.nativeOrder()).asFloatBuffer();
            trainer.read(Trainer.State.GRADIENT, tensor, 0, buffer);
            float[] joined = Arrays.copyOf(all, all.length + buffer.capacity());
            buffer.get(0, joined, all.length, buffer.capacity());
            all = joined;
        }
        return all;
    }

    private static void close(double[] found, double[] expected) {
        assertThat(found).hasSameSizeAs(expected);
        for (int i = 0; i < found.length; i++) {
            if (Double.isNaN(expected[i])) {
                assertThat(found[i]).isNaN();
            } else {
                assertThat(found[i]).isCloseTo(expected[i], within(1e-12 * Math.max(1, Math.abs(expected[i]))));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void fusedStepIsThePureFunction(Kind kind) {
        Objective objective = new Objective(kind, 0.4, 0.3, 0.1, 0.25, 0.3, 0.9, 1.3, 0.2, 0.7);
        int layers = 1 + kind.ordinal() % 3;
        MetaShape shape = new MetaShape(layers, 3, layers == 1 ? 0 : 4);
        Weighting weighting = Weighting.learned(MetaLearner.randomStart(shape, 9), 1, shape)
                .withFeatures(new double[] {0.1, -0.7, 0.4, 0.9});
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                Model model = engine.createModel(SHAPE, Dtype.F32);
                Trainer trainer = model.trainer(new TrainerOptions(32, false));
                TokenBatch batch = batch()) {
            model.initialize(5, 0.3);
            Trainer.PreferenceStep step = trainer.preference(batch, pairs(kind, null), objective, weighting, 0.5, null);
            float[] fused = gradient(model, trainer);
            PairResults expected = PreferenceLoss.evaluate(pairs(kind, LENGTHS), step.sums(), objective, weighting, 0.5);
            close(step.results().loss(), expected.loss());
            close(step.results().weight(), expected.weight());
            close(step.results().scoreOffline(), expected.scoreOffline());
            close(step.results().dsums(), expected.dsums());
            trainer.zeroGradients();
            trainer.forward(batch);
            trainer.backward(expected.dsums());
            assertThat(fused).isEqualTo(gradient(model, trainer));
        }
    }

    @Test
    void aLossThatIsNotFiniteNamesItsRowWherePairsAreIncompleteToo() {
        double[] reference = REFERENCE.clone();
        reference[4] = Double.NaN;
        Pairs pairs = new Pairs(new int[] {0, -1}, new int[] {-1, 4}, null, null, reference, null);
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                Model model = engine.createModel(SHAPE, Dtype.F32);
                Trainer trainer = model.trainer(new TrainerOptions(32, false));
                TokenBatch batch = batch()) {
            model.initialize(5, 0.3);
            Weighting all = Weighting.constant(1);
            assertThatThrownBy(() -> trainer.preference(batch, pairs, Objective.of(Kind.KTO, 0.1, 0, 0), all, 0.5, null))
                    .isInstanceOf(NumericException.class)
                    .hasMessageContaining("the loss of row 1 is");
        }
    }

    /** A caller who writes DPO himself gets DPO's gradient. */
    @Test
    void aGivenDpoIsDpo() {
        Weighting weighting = Weighting.constant(0.3);
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                Model model = engine.createModel(SHAPE, Dtype.F32);
                Trainer trainer = model.trainer(new TrainerOptions(32, false));
                TokenBatch batch = batch()) {
            model.initialize(5, 0.3);
            Pairs dpo = pairs(Kind.DPO, LENGTHS);
            double[] sums = trainer.preference(batch, dpo, Objective.dpo(0.4), weighting, 0.5, null).sums();
            float[] expected = gradient(model, trainer);
            double[] given = new double[12];
            int[][] chosenRejected = {{0, 1}, {2, 1}, {3, 4}};
            for (int i = 0; i < 3; i++) {
                int w = chosenRejected[i][0];
                int l = chosenRejected[i][1];
                double z = 0.4 * ((sums[w] - REFERENCE[w]) - (sums[l] - REFERENCE[l]));
                given[3 * i] = Math.log1p(Math.exp(-z));
                given[3 * i + 1] = -0.4 / (1 + Math.exp(z));
                given[3 * i + 2] = -given[3 * i + 1];
            }
            trainer.zeroGradients();
            Pairs own = new Pairs(
                    dpo.chosen(), dpo.rejected(), dpo.onlineChosen(), dpo.onlineRejected(), REFERENCE, LENGTHS, null, null, given);
            trainer.preference(batch, own, Objective.of(Kind.GIVEN, 0.4, 0, 0), weighting, 0.5, null);
            float[] found = gradient(model, trainer);
            for (int i = 0; i < found.length; i++) {
                assertThat(found[i]).isCloseTo(expected[i], within(1e-6f));
            }
        }
    }
}
