package org.metaapo.engine;

import java.util.Arrays;
import org.bytedeco.javacpp.DoublePointer;
import org.metaapo.engine.internal.apo_meta;

/**
 * Where a row's weight w comes from.
 *
 * @param mode how
 * @param parameters the meta-learner's, which lie as its shape says; null in the other modes
 * @param constant w, in mode CONSTANT
 * @param scoreScale s of the score log σ(s·delta)
 * @param shape of the meta-learner; null in the other modes
 * @param features (rows, inputs − 1) of the rows to be weighted; null where there are none
 */
public record Weighting(
        Mode mode, double[] parameters, double constant, double scoreScale, MetaShape shape, double[] features) {
    /** Sources of w, in the order of {@code apo_weight_mode}. */
    public enum Mode {
        /** w is a constant. */
        CONSTANT,
        /** w = h(score of the offline pair, features). */
        LEARNED,
        /** w = σ(s·delta). */
        SCORE
    }

    /** Checks that the parameters are as many as the shape has. */
    public Weighting {
        if (parameters != null && parameters.length != shape.parameters()) {
            throw new IllegalArgumentException("the meta-learner has " + parameters.length + " parameters; expected " + shape.parameters()
                    + " of " + shape);
        }
    }

    /** The same w for all rows; 1 is plain offline training. */
    public static Weighting constant(double w) {
        return new Weighting(Mode.CONSTANT, null, w, 1, null, null);
    }

    /** w by the paper's meta-learner of two layers, from the score alone. */
    public static Weighting learned(double[] parameters, double scoreScale) {
        return learned(parameters, scoreScale, MetaShape.of(MetaShape.PAPER_LAYERS, 1, parameters.length));
    }

    /** w by a meta-learner; {@link #withFeatures} brings what it reads beside the score. */
    public static Weighting learned(double[] parameters, double scoreScale, MetaShape shape) {
        return new Weighting(Mode.LEARNED, parameters.clone(), 0, scoreScale, shape, null);
    }

    /** w = σ(s·delta). */
    public static Weighting score(double scoreScale) {
        return new Weighting(Mode.SCORE, null, 0, scoreScale, null, null);
    }

    /** The same for rows with these features (rows, inputs − 1); null where the score is the one input. */
    public Weighting withFeatures(double[] rowFeatures) {
        return new Weighting(mode, parameters, constant, scoreScale, shape, rowFeatures);
    }

    /** Features of a row. */
    private int width() {
        return shape == null ? 0 : shape.inputs() - 1;
    }

    /** The features of one row; null where there are none. */
    public double[] featuresOfRow(int row) {
        return features == null ? null : Arrays.copyOfRange(features, row * width(), (row + 1) * width());
    }

    /**
     * The features off the heap, null where there are none.
     *
     * @throws IllegalArgumentException if they are not those of as many rows
     */
    DoublePointer featuresOf(int rows) {
        int found = features == null ? 0 : features.length;
        if (found != (long) rows * width()) {
            throw new IllegalArgumentException("features has " + found + " entries; expected " + width() + " for each of "
                    + rows + " rows");
        }
        return found == 0 ? null : Native.doubles(features);
    }

    /** The native struct over pointers that hold parameters and features and must outlive it. */
    apo_meta toNative(DoublePointer parametersAt, DoublePointer featuresAt) {
        return new apo_meta()
                .mode(mode.ordinal())
                .hidden(shape == null ? 0 : shape.hidden())
                .inputs(shape == null ? 1 : shape.inputs())
                .layers(shape == null ? MetaShape.PAPER_LAYERS : shape.layers())
                .parameters(parametersAt)
                .features(featuresAt)
                .constant(constant)
                .score_scale(scoreScale);
    }
}
