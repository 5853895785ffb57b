package org.metaapo.statistics;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.commons.math3.stat.StatUtils;

/**
 * AlpacaEval 2's length-controlled win rate (Dubois et al., arXiv 2404.04475): the preference is explained by σ(w_t·tanh(x) + w_d·d + w_0·g), x how
 * much shorter the model's answer is than the baseline's, in standard deviations over the model's rows, d the instruction's difficulty, and g 1
 * on the model's rows, 0 on the calibration's; the win rate is then what the fit predicts for x = 0. Without a calibration it is fitted on the
 * model's rows alone.
 */
public final class LengthControl {
    private static final double CALIBRATION_WEIGHT = 0.1;

    private final List<Row> rows;
    private final double[][] x;
    private final double[] y;
    private final double[] s;
    private final int[] row;
    private final LassoSelection selection;
    private final double winRate;
    private final double standardError;

    /**
     * A row of the model that is evaluated.
     *
     * @param share how much its answer is preferred, from 0 to 1; NaN where nothing is known
     * @param baselineLength code points of the baseline's answer
     * @param modelLength code points of the model's
     * @param difficulty of the instruction; 0 where it is not known
     */
    public record Row(double share, int baselineLength, int modelLength, double difficulty) {}

    /**
     * A row of a calibration: the baseline against itself where it was asked to be short or verbose.
     *
     * @param preference from 0 to 1
     * @param lengthDifference in standard deviations
     * @param difficulty of the instruction
     */
    public record CalibrationRow(double preference, double lengthDifference, double difficulty) {}

    private LengthControl() {
        this.rows = List.of();
        this.x = new double[0][];
        this.y = new double[0];
        this.s = new double[0];
        this.row = new int[0];
        this.selection = null;
        this.winRate = 50;
        this.standardError = 0;
    }

    private LengthControl(List<CalibrationRow> calibration, List<Row> rows) {
        double[] differences = rows.stream().mapToDouble(one -> (double) one.baselineLength() - one.modelLength()).toArray();
        double deviation = Math.sqrt(StatUtils.variance(differences));
        int size = calibration.size() + judged(rows);
        this.rows = rows;
        this.x = new double[size][];
        this.y = new double[size];
        this.s = new double[size];
        this.row = new int[size];
        int at = 0;
        for (CalibrationRow one : calibration) {
            set(at++, new double[] {Math.tanh(one.lengthDifference()), one.difficulty(), 0}, one.preference(), CALIBRATION_WEIGHT, -1);
        }
        for (int i = 0; i < differences.length; i++) {
            Row one = rows.get(i);
            if (!Double.isNaN(one.share())) {
                // Answers that are all of the baseline's length plus a constant have nothing to control for.
                double length = deviation == 0 ? 0 : Math.tanh(differences[i] / deviation);
                set(at++, new double[] {length, one.difficulty(), 1}, one.share(), 1, i);
            }
        }
        this.selection = LassoSelection.of(x, y, s, grid());
        double[] predicted = predicted(selection.coefficients());
        this.winRate = 100 * StatUtils.mean(predicted);
        this.standardError = 100 * Math.sqrt(StatUtils.variance(predicted) / predicted.length);
    }

    private void set(int at, double[] features, double label, double weight, int ofRow) {
        x[at] = features;
        y[at] = label;
        s[at] = weight;
        row[at] = ofRow;
    }

    /** The 10 values of C that are tried. */
    private static double[] grid() {
        return LassoSelection.logSpace(-4, 4, 10);
    }

    private static int judged(List<Row> rows) {
        return (int) rows.stream().filter(one -> !Double.isNaN(one.share())).count();
    }

    /** Whether there are two rows, and with the calibration's as many known preferences as the choice of C has folds. */
    public static boolean isPossible(List<CalibrationRow> calibration, List<Row> rows) {
        return rows.size() > 1 && calibration.size() + judged(rows) >= LassoSelection.FOLDS;
    }

    /**
     * Fits.
     *
     * @param calibration none for a fit on the model's rows alone
     * @param rows of the model, in the order of its annotations
     * @throws IllegalArgumentException for too few, see {@link #isPossible}
     */
    public static LengthControl of(List<CalibrationRow> calibration, List<Row> rows) {
        if (!isPossible(calibration, rows)) {
            throw new IllegalArgumentException(judged(rows) + " preferences in " + rows.size() + " rows; a length-controlled win rate needs two rows, and "
                    + LassoSelection.FOLDS + " preferences with those of the calibration, " + calibration.size());
        }
        return new LengthControl(calibration, rows);
    }

    /** The baseline against itself, which has 50 by definition. */
    public static LengthControl ofBaseline() {
        return new LengthControl();
    }

    /** In percent, mean over all rows, those without a preference too. */
    public double winRate() {
        return winRate;
    }

    /** Of the win rate, in percent, as AlpacaEval has it: of the predictions, which are all equal where no difficulty is known. */
    public double standardError() {
        return standardError;
    }

    /** The fit: C, its grid and scores, and the coefficients of length, difficulty and model; null of the baseline itself. */
    public LassoSelection selection() {
        return selection;
    }

    private double[] predicted(double[] w) {
        return rows.stream().mapToDouble(one -> Logistic.sigmoid(w[1] * one.difficulty() + w[2])).toArray();
    }

    /**
     * Of a fit, the win rate, in percent, where rows are there several times or not at all, for a bootstrap: C and the unit of length stay.
     *
     * @param times of each row, not all of them 0
     */
    public double redrawn(int[] times) {
        int[] drawn = IntStream.range(0, row.length).filter(i -> row[i] < 0 || times[row[i]] > 0).toArray();
        double[] w = new LassoLogistic(
                Arrays.stream(drawn).mapToObj(i -> x[i]).toArray(double[][]::new),
                Arrays.stream(drawn).mapToDouble(i -> y[i]).toArray(),
                Arrays.stream(drawn).mapToDouble(i -> row[i] < 0 ? s[i] : s[i] * times[row[i]]).toArray(),
                selection.c()).fit();
        double[] predicted = predicted(w);
        double sum = 0;
        for (int i = 0; i < predicted.length; i++) {
            sum += times[i] * predicted[i];
        }
        return 100 * sum / Arrays.stream(times).sum();
    }

    /** Whether it is so far from the raw win rate, in percent too, that something is probably wrong. */
    public boolean isSuspect(double raw) {
        return winRate < Math.min(0.75 * raw, raw - 10) || winRate > Math.max(raw + (100 - raw) / 4, raw + 10);
    }
}
