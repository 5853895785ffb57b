package org.metaapo.engine;

import java.util.Arrays;
import org.bytedeco.javacpp.DoublePointer;
import org.metaapo.engine.internal.apo_meta;

/**
 * Where a row's weight w comes from.
 *
 * @param mode how
 * @param parameters the meta-learner's n(inputs + 2) + 1 parameters: W1 (n, inputs), b1 (n), W2 (n), b2; null in the other modes
 * @param constant w, in mode CONSTANT
 * @param scoreScale s of the score log σ(s·delta)
 * @param inputs of the meta-learner: the score, then the row's features; 1 is the score alone
 * @param features (rows, inputs − 1) of the rows to be weighted; null where there are none
 */
public record Weighting(
        Mode mode, double[] parameters, double constant, double scoreScale, int inputs, double[] features) {
    /** Sources of w, in the order of {@code apo_weight_mode}. */
    public enum Mode {
        /** w is a constant. */
        CONSTANT,
        /** w = h(score of the offline pair, features). */
        LEARNED,
        /** w = σ(s·delta). */
        SCORE
    }

    /** Checks that the parameters are those of a learner with these inputs. */
    public Weighting {
        if (inputs < 1) {
            throw new IllegalArgumentException("the meta-learner has " + inputs + " inputs; expected 1 or more");
        }
        if (parameters != null && (parameters.length < inputs + 3 || (parameters.length - 1) % (inputs + 2) != 0)) {
            throw new IllegalArgumentException("the meta-learner has " + parameters.length + " parameters; with " + inputs
                    + " inputs expected a multiple of " + (inputs + 2) + ", and 1");
        }
    }

    /** The same w for all rows; 1 is plain offline training. */
    public static Weighting constant(double w) {
        return new Weighting(Mode.CONSTANT, null, w, 1, 1, null);
    }

    /** w by the meta-learner, from the score alone. */
    public static Weighting learned(double[] parameters, double scoreScale) {
        return learned(parameters, scoreScale, 1);
    }

    /** w by the meta-learner; {@link #withFeatures} brings what it reads beside the score. */
    public static Weighting learned(double[] parameters, double scoreScale, int inputs) {
        return new Weighting(Mode.LEARNED, parameters.clone(), 0, scoreScale, inputs, null);
    }

    /** w = σ(s·delta). */
    public static Weighting score(double scoreScale) {
        return new Weighting(Mode.SCORE, null, 0, scoreScale, 1, null);
    }

    /** The same for rows with these features (rows, inputs − 1); null where the score is the one input. */
    public Weighting withFeatures(double[] rowFeatures) {
        return new Weighting(mode, parameters, constant, scoreScale, inputs, rowFeatures);
    }

    /** The features of one row; null where there are none. */
    public double[] featuresOfRow(int row) {
        return features == null ? null : Arrays.copyOfRange(features, row * (inputs - 1), (row + 1) * (inputs - 1));
    }

    /**
     * The features off the heap, null where there are none.
     *
     * @throws IllegalArgumentException if they are not those of as many rows
     */
    DoublePointer featuresOf(int rows) {
        int found = features == null ? 0 : features.length;
        if (found != (long) rows * (inputs - 1)) {
            throw new IllegalArgumentException("features has " + found + " entries; expected " + (inputs - 1) + " for each of "
                    + rows + " rows");
        }
        return found == 0 ? null : Native.doubles(features);
    }

    /** The native struct over pointers that hold parameters and features and must outlive it. */
    apo_meta toNative(DoublePointer parametersAt, DoublePointer featuresAt) {
        return new apo_meta()
                .mode(mode.ordinal())
                .hidden(parameters == null ? 0 : (parameters.length - 1) / (inputs + 2))
                .inputs(inputs)
                .reserved(0)
                .parameters(parametersAt)
                .features(featuresAt)
                .constant(constant)
                .score_scale(scoreScale);
    }
}
