package org.metaapo.engine;

import org.bytedeco.javacpp.DoublePointer;
import org.metaapo.engine.internal.apo_meta;

/**
 * Where a row's weight w comes from.
 *
 * @param mode how
 * @param parameters the meta-learner's 3n + 1 parameters: W1, b1, W2 (n each), b2; null in the other modes
 * @param constant w, in mode CONSTANT
 * @param scoreScale s of the score log σ(s·delta)
 */
public record Weighting(Mode mode, double[] parameters, double constant, double scoreScale) {
    /** Sources of w, in the order of {@code apo_weight_mode}. */
    public enum Mode {
        /** w is a constant. */
        CONSTANT,
        /** w = h(score of the offline pair). */
        LEARNED,
        /** w = σ(s·delta). */
        SCORE
    }

    /** The same w for all rows; 1 is plain offline training. */
    public static Weighting constant(double w) {
        return new Weighting(Mode.CONSTANT, null, w, 1);
    }

    /** w by the meta-learner. */
    public static Weighting learned(double[] parameters, double scoreScale) {
        return new Weighting(Mode.LEARNED, parameters.clone(), 0, scoreScale);
    }

    /** w = σ(s·delta). */
    public static Weighting score(double scoreScale) {
        return new Weighting(Mode.SCORE, null, 0, scoreScale);
    }

    /** The native struct over {@code pointer}, which holds the parameters and must outlive it. */
    apo_meta toNative(DoublePointer pointer) {
        return new apo_meta()
                .mode(mode.ordinal())
                .hidden(parameters == null ? 0 : (parameters.length - 1) / 3)
                .parameters(pointer)
                .constant(constant)
                .score_scale(scoreScale);
    }
}
