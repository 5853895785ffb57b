package org.metaapo.evaluate.alpaca;

import java.util.List;
import java.util.Objects;
import org.apache.commons.math3.stat.StatUtils;

/**
 * AlpacaEval's win rates over the baseline, in percent. A preference is from 1 (baseline) to 2 (model); 0 stands for a draw, and what is null
 * or out of range is left out.
 *
 * @param winRate mean of preference − 1
 * @param standardError of it; NaN for one row
 * @param wins rows above a draw
 * @param baseWins rows below
 * @param draws rows at it
 * @param total rows that count
 * @param discreteWinRate mean where each row is a win, a loss or half
 */
public record WinRate(double winRate, double standardError, int wins, int baseWins, int draws, int total, double discreteWinRate) {
    /** Preference − 1 of a row that counts; NaN of another. */
    static double share(Double preference) {
        if (preference == null) {
            return Double.NaN;
        }
        if (preference == 0) {
            return 0.5;
        }
        return preference >= 1 && preference <= 2 ? preference - 1 : Double.NaN;
    }

    /**
     * The rates of preferences, some of which may be null.
     *
     * @throws IllegalArgumentException if none counts
     */
    public static WinRate of(List<Double> preferences) {
        double[] shares = preferences.stream().filter(Objects::nonNull).mapToDouble(WinRate::share).filter(y -> !Double.isNaN(y)).toArray();
        if (shares.length == 0) {
            throw new IllegalArgumentException("no preference from 1 to 2");
        }
        int wins = 0;
        int losses = 0;
        for (double share : shares) {
            wins += share > 0.5 ? 1 : 0;
            losses += share < 0.5 ? 1 : 0;
        }
        int draws = shares.length - wins - losses;
        double error = shares.length < 2 ? Double.NaN : 100 * Math.sqrt(StatUtils.variance(shares) / shares.length);
        return new WinRate(100 * StatUtils.mean(shares), error, wins, losses, draws, shares.length, 100 * (wins + 0.5 * draws) / shares.length);
    }
}
