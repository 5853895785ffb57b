package org.metaapo.evaluate.arena;

import java.util.Arrays;
import java.util.Locale;
import org.metaapo.statistics.LogisticFit;

/** How the style-controlled fit of Arena-Hard v2.0 ends. */
public enum ArenaSolver {
    /** After 50 steps of L-BFGS, as the official program, though in double precision; that is before the optimum. */
    COMPATIBLE,
    /** At the optimum. */
    EXACT;

    private static final double START = 0.5;
    private static final LogisticFit.Steps STEPS = new LogisticFit.Steps(50, 0.1, 100, 1e-9);

    double[] solve(LogisticFit fit, int coefficients) {
        double[] start = new double[coefficients];
        if (this == EXACT) {
            return fit.newton(start);
        }
        Arrays.fill(start, START);
        return fit.lbfgs(start, STEPS);
    }

    /** As users write it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
