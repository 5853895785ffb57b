package org.metaapo.jobs;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelShape;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Trainer;
import org.metaapo.engine.TrainerOptions;

/** How fast a device trains. */
public final class TrainingSpeed {
    private static final int ROUNDS = 3;

    private TrainingSpeed() {}

    /** FLOP/s of forward and backward of a small random model: the best of a few rounds, in less than a second. */
    public static double measure(Engine engine, Dtype dtype) {
        ModelShape shape = new ModelShape(512, 512, 1408, 2, 8, 4, 64, 256, OptionalInt.empty(), List.of(), Head.LM, false, false, false, false, false,
                ModelShape.Rope.DEFAULT, 1e-6, 10000, 1, 0, 0, 0);
        int[] half = new int[128];
        Arrays.fill(half, 7);
        TokenBatch.Builder builder = TokenBatch.builder();
        builder.pack(half, List.of(half));
        builder.pack(half, List.of(half));
        try (Model model = engine.createModel(shape, dtype);
                Trainer trainer = model.trainer(new TrainerOptions(512, false));
                TokenBatch batch = builder.build()) {
            model.initialize(0, 0.02);
            double best = Double.MAX_VALUE;
            for (int i = 0; i < ROUNDS; i++) {
                long start = System.nanoTime();
                trainer.forward(batch);
                trainer.backward(new double[] {1, 1});
                best = Math.min(best, (System.nanoTime() - start) * 1e-9);
            }
            long parameters = model.tensors().stream().mapToLong(t -> t.count()).sum();
            return 6.0 * parameters * batch.tokens() / best;
        }
    }
}
