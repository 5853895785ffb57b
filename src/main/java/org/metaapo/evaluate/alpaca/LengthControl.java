package org.metaapo.evaluate.alpaca;

import java.util.ArrayList;
import java.util.List;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.statistics.LassoSelection;
import org.metaapo.statistics.Logistic;

/**
 * AlpacaEval 2's length-controlled win rate (Dubois et al., arXiv 2404.04475): the preference is explained by σ(w_t·tanh(x) + w_d·d + w_0·g), x how
 * much shorter the model's answer is than the baseline's, in standard deviations over the model's rows, d the instruction's difficulty, and g 1
 * on the model's rows, 0 on the calibration's; the win rate is then what the fit predicts for x = 0.
 *
 * @param winRate in percent, mean over all rows, those without a preference too
 * @param standardError of it
 * @param selection the fit: C, its grid and scores, and the coefficients of length, difficulty and model; null of the baseline itself
 */
public record LengthControl(double winRate, double standardError, LassoSelection selection) {
    private static final double CALIBRATION_WEIGHT = 0.1;

    /** The 10 values of C that are tried. */
    private static double[] grid() {
        return LassoSelection.logSpace(-4, 4, 10);
    }

    /** The baseline against itself, which has 50 by definition. */
    public static LengthControl ofBaseline() {
        return new LengthControl(50, 0, null);
    }

    /**
     * A row of the model that is evaluated.
     *
     * @param preference from 1 to 2, 0 or null, as in {@link WinRate}
     * @param baselineLength code points of the baseline's answer
     * @param modelLength code points of the model's
     * @param difficulty of the instruction
     */
    public record Row(Double preference, int baselineLength, int modelLength, double difficulty) {}

    /**
     * Fits.
     *
     * @param rows of the model, in the order of its annotations
     * @throws IllegalArgumentException for fewer than two rows
     */
    public static LengthControl of(Calibration calibration, List<Row> rows) {
        if (rows.size() < 2) {
            throw new IllegalArgumentException(rows.size() + " rows; a length-controlled win rate needs two");
        }
        double[] differences = rows.stream().mapToDouble(row -> (double) row.baselineLength() - row.modelLength()).toArray();
        double deviation = Math.sqrt(StatUtils.variance(differences));
        List<double[]> x = new ArrayList<>();
        List<Double> y = new ArrayList<>();
        List<Double> s = new ArrayList<>();
        for (Calibration.Row row : calibration.rows()) {
            x.add(new double[] {Math.tanh(row.lengthDifference()), row.difficulty(), 0});
            y.add(row.preference());
            s.add(CALIBRATION_WEIGHT);
        }
        for (int i = 0; i < differences.length; i++) {
            double share = WinRate.share(rows.get(i).preference());
            if (!Double.isNaN(share)) {
                // Answers that are all of the baseline's length plus a constant have nothing to control for.
                x.add(new double[] {deviation == 0 ? 0 : Math.tanh(differences[i] / deviation), rows.get(i).difficulty(), 1});
                y.add(share);
                s.add(1.0);
            }
        }
        LassoSelection selection = LassoSelection.of(x.toArray(double[][]::new), numbers(y), numbers(s), grid());
        double[] w = selection.coefficients();
        double[] predicted = rows.stream().mapToDouble(row -> Logistic.sigmoid(w[1] * row.difficulty() + w[2])).toArray();
        return new LengthControl(
                100 * StatUtils.mean(predicted), 100 * Math.sqrt(StatUtils.variance(predicted) / predicted.length), selection);
    }

    private static double[] numbers(List<Double> list) {
        return list.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** Whether it is so far from the raw win rate that something is probably wrong. */
    public boolean isSuspect(double raw) {
        return winRate < Math.min(0.75 * raw, raw - 10) || winRate > Math.max(raw + (100 - raw) / 4, raw + 10);
    }
}
