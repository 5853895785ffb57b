package org.metaapo.statistics;

import java.util.ArrayList;
import java.util.List;

/**
 * {@link LassoLogistic} with C chosen by cross-validation. Of N rows, row i belongs to fold (N − 1 − i) mod 5; a fold is predicted by a fit
 * on the others, and its score is the mean over its rows of s·(y·ln p + (1 − y)·ln(1 − p)), p clipped to [1e-15, 1 − 1e-15]. C is the
 * one with the best mean score over the folds, the first of equal ones. As scikit-learn's LogisticRegressionCV with groups has it.
 *
 * @param c the chosen one
 * @param coefficients of the fit on all rows with it
 * @param grid the values that were tried
 * @param scores mean score of each
 */
public record LassoSelection(double c, double[] coefficients, double[] grid, double[] scores) {
    /** Folds of the cross-validation, which need a row each. */
    public static final int FOLDS = 5;
    private static final double CLIP = 1e-15;

    /**
     * Chooses and fits.
     *
     * @param x rows of features
     * @param y labels from 0 to 1
     * @param s weights of the rows
     * @param grid values of C to try, in order
     */
    public static LassoSelection of(double[][] x, double[] y, double[] s, double[] grid) {
        double[] scores = new double[grid.length];
        int best = 0;
        for (int k = 0; k < grid.length; k++) {
            double sum = 0;
            for (int fold = 0; fold < FOLDS; fold++) {
                sum += score(x, y, s, grid[k], fold);
            }
            scores[k] = sum / FOLDS;
            best = scores[k] > scores[best] ? k : best;
        }
        return new LassoSelection(grid[best], new LassoLogistic(x, y, s, grid[best]).fit(), grid, scores);
    }

    /** {@code count} values from 10^from to 10^to, evenly apart in their logarithms. */
    public static double[] logSpace(double from, double to, int count) {
        double[] values = new double[count];
        for (int k = 0; k < count; k++) {
            values[k] = Math.pow(10, from + (to - from) * k / (count - 1));
        }
        return values;
    }

    private static double score(double[][] x, double[] y, double[] s, double c, int fold) {
        List<Integer> held = new ArrayList<>();
        List<Integer> seen = new ArrayList<>();
        for (int i = 0; i < x.length; i++) {
            ((x.length - 1 - i) % FOLDS == fold ? held : seen).add(i);
        }
        double[] w = new LassoLogistic(
                seen.stream().map(i -> x[i]).toArray(double[][]::new),
                seen.stream().mapToDouble(i -> y[i]).toArray(),
                seen.stream().mapToDouble(i -> s[i]).toArray(),
                c).fit();
        double sum = 0;
        for (int i : held) {
            double p = Math.min(1 - CLIP, Math.max(CLIP, Logistic.sigmoid(Logistic.product(x[i], w))));
            sum += s[i] * (y[i] * Math.log(p) + (1 - y[i]) * Math.log(1 - p));
        }
        return sum / held.size();
    }
}
