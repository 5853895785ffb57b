package org.metaapo.train;

/**
 * How long a run will go on: what is left of each kind of work times what such work has taken on average. A kind that this process has
 * not yet done costs nothing, but for the preparation of slices, which the run's totals know.
 */
final class TimeLeft {
    private final EpochPlan plan;
    private final long epochs;
    private final Mean steps = new Mean();
    private final Mean slices = new Mean();
    private final Mean evaluations = new Mean();

    TimeLeft(EpochPlan plan, long epochs) {
        this.plan = plan;
        this.epochs = epochs;
    }

    private static final class Mean {
        private double seconds;
        private long count;

        void add(double more) {
            seconds += more;
            count++;
        }

        double or(double other) {
            return count == 0 ? other : seconds / count;
        }
    }

    /** A step took so long. */
    void stepped(double seconds) {
        steps.add(seconds);
    }

    /** The preparation of a slice took so long. */
    void prepared(double seconds) {
        slices.add(seconds);
    }

    /** An evaluation took so long. */
    void evaluated(double seconds) {
        evaluations.add(seconds);
    }

    /**
     * Seconds left.
     *
     * @param slice within the epoch
     * @param batches of the slice that are still to come
     */
    double seconds(long epoch, int slice, int batches, Totals totals) {
        long begun = epoch * plan.slices() + slice + 1;
        long slicesLeft = epochs * plan.slices() - begun;
        long stepsLeft = batches + (epochs - epoch) * plan.steps() - plan.stepsBefore(slice + 1);
        double preparing = (totals.secondsScoring + totals.secondsSampling + totals.secondsRanking) / begun;
        return stepsLeft * steps.or(0) + slicesLeft * slices.or(preparing) + (slicesLeft + 1) * evaluations.or(0);
    }
}
