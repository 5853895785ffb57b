package org.metaapo.engine;

import org.bytedeco.javacpp.DoublePointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_meta;

/** The meta-weighted preference loss and the meta-learner as pure functions; no model, no device. */
public final class PreferenceLoss {
    private PreferenceLoss() {}

    /**
     * Losses, scores, weights and gradients of rows from their answers' log-prob sums.
     *
     * @param scale factor of the gradients, such as 1 / rows
     */
    public static PairResults evaluate(Pairs pairs, double[] sums, Objective objective, Weighting weighting, double scale) {
        Engine.load();
        try (PairArguments arguments = new PairArguments(pairs, sums.length, objective, weighting);
                DoublePointer s = new DoublePointer(sums)) {
            Native.check(error -> MetaapoC.apo_preference_loss(
                    arguments.pairs, s, arguments.objective, arguments.meta, scale, arguments.results, error));
            return arguments.read();
        }
    }

    /** w of each score, with the weighting's features where it reads some. */
    public static double[] weights(Weighting weighting, double[] scores) {
        Engine.load();
        double[] weights = new double[scores.length];
        try (DoublePointer parameters = Native.doubles(weighting.parameters());
                DoublePointer features = weighting.featuresOf(scores.length);
                apo_meta meta = weighting.toNative(parameters, features)) {
            Native.check(error -> MetaapoC.apo_meta_weights(meta, scores, scores.length, weights, error));
        }
        return weights;
    }

    /**
     * The meta loss over a buffer.
     *
     * @param loss mean of w·L(offline) + (1−w)·L(online)
     * @param gradient by the meta-learner's parameters
     * @param weightMean mean of w
     */
    public record MetaGradient(double loss, double[] gradient, double weightMean) {}

    /** The meta loss of a learned weighting and its gradient, with the weighting's features where it reads some. */
    public static MetaGradient metaGradient(
            Weighting weighting, double[] scores, double[] lossOffline, double[] lossOnline) {
        if (scores.length != lossOffline.length || scores.length != lossOnline.length) {
            throw new IllegalArgumentException("scores, lossOffline and lossOnline have " + scores.length + ", "
                    + lossOffline.length + " and " + lossOnline.length + " entries; expected equal lengths");
        }
        Engine.load();
        double[] loss = new double[1];
        double[] mean = new double[1];
        double[] gradient = new double[weighting.parameters() == null ? 1 : weighting.parameters().length];
        try (DoublePointer parameters = Native.doubles(weighting.parameters());
                DoublePointer features = weighting.featuresOf(scores.length);
                apo_meta meta = weighting.toNative(parameters, features)) {
            Native.check(error -> MetaapoC.apo_meta_gradient(
                    meta, scores, lossOffline, lossOnline, scores.length, loss, gradient, mean, error));
        }
        return new MetaGradient(loss[0], gradient, mean[0]);
    }
}
