package org.metaapo.theory;

import java.util.function.Function;
import org.metaapo.engine.PreferenceLoss;

/**
 * The class of meta-learners that is looked at: those whose parameters lie within a distance of the start. Without such a limit
 * the class could fit any signs, and no bound would say anything.
 *
 * @param centre the start's parameters
 * @param radius largest Euclidean distance
 */
record ParameterBall(double[] centre, double radius) {
    private static final int STEPS = 40;

    /**
     * Climbs to a maximum of a function of the parameters, by projected gradient ascent with steps of radius/2 · 1/√t along the
     * normalised gradient; the best of all points passed. It is a local maximum: an estimate from below.
     */
    Best maximise(Function<double[], PreferenceLoss.MetaGradient> function, double[] start) {
        double[] at = start.clone();
        Best best = null;
        for (int t = 1; t <= STEPS; t++) {
            PreferenceLoss.MetaGradient value = function.apply(at);
            if (best == null || value.loss() > best.value()) {
                best = new Best(value.loss(), at.clone());
            }
            double norm = norm(value.gradient());
            if (norm == 0) {
                break;
            }
            double step = radius / 2 / Math.sqrt(t) / norm;
            for (int i = 0; i < at.length; i++) {
                at[i] += step * value.gradient()[i];
            }
            project(at);
        }
        return best;
    }

    /**
     * A maximum.
     *
     * @param value of the function
     * @param parameters where it is
     */
    record Best(double value, double[] parameters) {}

    private void project(double[] at) {
        double[] away = new double[at.length];
        for (int i = 0; i < at.length; i++) {
            away[i] = at[i] - centre[i];
        }
        double distance = norm(away);
        if (distance > radius) {
            for (int i = 0; i < at.length; i++) {
                at[i] = centre[i] + away[i] * radius / distance;
            }
        }
    }

    static double norm(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value * value;
        }
        return Math.sqrt(sum);
    }
}
