package org.metaapo.train;

/**
 * Learning rate by step: a linear rise over the warm-up, then constant, linear or half a cosine down to {@code minRatio}.
 *
 * @param kind cosine, linear or constant
 * @param peak highest rate
 * @param warmupSteps steps of the rise
 * @param steps all steps
 * @param minRatio last rate over peak rate
 */
record Schedule(String kind, double peak, long warmupSteps, long steps, double minRatio) {
    /** Rate of a step, from 0. */
    double rate(long step) {
        if (step < warmupSteps) {
            return peak * (step + 1) / warmupSteps;
        }
        double progress = Math.min(1, (double) (step - warmupSteps) / Math.max(1, steps - warmupSteps));
        return switch (kind) {
            case "constant" -> peak;
            case "linear" -> peak * (1 - (1 - minRatio) * progress);
            default -> peak * (minRatio + (1 - minRatio) * 0.5 * (1 + Math.cos(Math.PI * progress)));
        };
    }
}
