package org.metaapo.train;

import org.metaapo.config.RunConfig;
import org.metaapo.config.UserClass;
import org.metaapo.engine.Pairs;
import org.metaapo.error.RunFailedException;

/** A user's {@link PairLoss} at work. */
final class OwnObjective implements AutoCloseable {
    private static final int SLOPES = 3;

    private final UserClass<PairLoss> type;
    private final PairLoss loss;

    private OwnObjective(UserClass<PairLoss> type) {
        this.type = type;
        this.loss = type.instantiate();
    }

    /**
     * The class of a configuration; null where its objective is one of the built-in.
     *
     * @throws org.metaapo.error.UsageException if there is no such class, or it is no {@link PairLoss}
     */
    static OwnObjective of(RunConfig config) {
        return config.text("objective.name").equals("java")
                ? new OwnObjective(UserClass.load(
                        "objective.class", config.text("objective.class"), "objective.class_path", config.paths("objective.class_path"),
                        PairLoss.class))
                : null;
    }

    boolean needsReference() {
        return call(loss::needsReference);
    }

    /** The class with its content: another version is another objective. */
    String identity() {
        return type.identity();
    }

    /** (rows, 2, 3): loss and slopes of the first and of the second pair; zeros for a second pair that is not there. */
    double[] losses(Pairs pairs, double[] sums) {
        double[] given = new double[pairs.rows() * 2 * SLOPES];
        for (int i = 0; i < pairs.rows(); i++) {
            put(given, 2 * i, pairs, sums, pairs.chosen()[i], pairs.rejected()[i]);
            if (pairs.onlineChosen() != null && pairs.onlineChosen()[i] >= 0) {
                put(given, 2 * i + 1, pairs, sums, pairs.onlineChosen()[i], pairs.onlineRejected()[i]);
            }
        }
        return given;
    }

    private void put(double[] given, int at, Pairs pairs, double[] sums, int chosen, int rejected) {
        double[] reference = pairs.referenceSums();
        PairLoss.Pair pair = new PairLoss.Pair(
                sums[chosen], sums[rejected], reference == null ? 0 : reference[chosen], reference == null ? 0 : reference[rejected],
                pairs.tokenCounts()[chosen], pairs.tokenCounts()[rejected]);
        PairLoss.Value value = call(() -> loss.evaluate(pair));
        if (value == null || !Double.isFinite(value.loss()) || !Double.isFinite(value.byChosen()) || !Double.isFinite(value.byRejected())) {
            throw new RunFailedException(type.name() + ": gave " + value + " for " + pair + "; expected finite numbers");
        }
        given[SLOPES * at] = value.loss();
        given[SLOPES * at + 1] = value.byChosen();
        given[SLOPES * at + 2] = value.byRejected();
    }

    private <T> T call(java.util.function.Supplier<T> work) {
        try {
            return work.get();
        } catch (RuntimeException | LinkageError e) {
            throw new RunFailedException(type.name() + ": threw " + String.valueOf(e).lines().findFirst().orElse(""), e);
        }
    }

    @Override
    public void close() {
        type.close();
    }
}
