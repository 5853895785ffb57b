package org.metaapo.evaluate.style;

import java.util.Arrays;
import java.util.List;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.commons.math3.stat.descriptive.moment.Variance;

/** How two answers differ in style: numbers that an answer's sheer size does not rule, standardised over all battles. */
public final class StyleDifferences {
    private StyleDifferences() {}

    /**
     * Arena-Hard v2.0's: of tokens (a − b) / (a + b); of Markdown, first per token, ȧ = a / (tokens + 1), then (ȧ − ḃ) / (ȧ + ḃ + 1).
     *
     * @param a of the model's answer
     * @param b of the baseline's
     */
    public static double[] densities(AnswerStyle a, AnswerStyle b) {
        double[] f = a.values();
        double[] other = b.values();
        double tokensA = f[0];
        double tokensB = other[0];
        for (int k = 1; k < f.length; k++) {
            double left = f[k] / (tokensA + 1);
            double right = other[k] / (tokensB + 1);
            f[k] = (left - right) / (left + right + 1);
        }
        f[0] = tokensA + tokensB == 0 ? 0 : (tokensA - tokensB) / (tokensA + tokensB);
        return f;
    }

    /**
     * Arena-Hard v0.1's: (a − b) / (a + b + 1) of each count.
     *
     * @param a of the baseline's answer
     * @param b of the model's
     */
    public static double[] counts(AnswerStyle a, AnswerStyle b) {
        double[] f = a.values();
        double[] other = b.values();
        for (int k = 0; k < f.length; k++) {
            f[k] = (f[k] - other[k]) / (f[k] + other[k] + 1);
        }
        return f;
    }

    /**
     * Columns with mean 0 and deviation 1; a column of equal numbers, which cannot be controlled for, becomes 0.
     *
     * @param rows of {@link #densities} or {@link #counts}
     * @param features the columns that are kept
     * @param ddof 1 for the sample's deviation, 0 for the population's
     */
    public static double[][] standardised(List<double[]> rows, List<StyleFeature> features, int ddof) {
        double[][] out = new double[rows.size()][features.size()];
        for (int k = 0; k < features.size(); k++) {
            int column = features.get(k).ordinal();
            double[] values = rows.stream().mapToDouble(row -> row[column]).toArray();
            double mean = StatUtils.mean(values);
            double deviation = Math.sqrt(new Variance(ddof == 1).evaluate(values));
            boolean isConstant = Arrays.stream(values).allMatch(value -> value == values[0]);
            for (int i = 0; i < values.length; i++) {
                out[i][k] = isConstant ? 0 : (values[i] - mean) / deviation;
            }
        }
        return out;
    }
}
