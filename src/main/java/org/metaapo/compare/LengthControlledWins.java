package org.metaapo.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.error.NumericException;
import org.metaapo.statistics.Bootstrap;
import org.metaapo.statistics.Estimate;
import org.metaapo.statistics.LengthControl;
import org.metaapo.statistics.Wins;

/**
 * How often a run's answer is better than one of the start where both are equally long: {@link LengthControl} on all pairs of an answer of each,
 * prompt by prompt, without a calibration. With one answer a prompt it is the number of {@code metaapo evaluate alpaca-eval --reward}.
 */
final class LengthControlledWins implements Bootstrap.Statistic {
    private static final double PERCENT = 100;

    private final LengthControl control;
    private final int prompts;
    private final int pairs;

    private LengthControlledWins(LengthControl control, int prompts, int pairs) {
        this.control = control;
        this.prompts = prompts;
        this.pairs = pairs;
    }

    /** Of two evaluations on the same prompts; null where there are too few pairs for a fit. */
    private static LengthControlledWins of(Evaluation run, Evaluation start) {
        if (run == start) {
            return new LengthControlledWins(LengthControl.ofBaseline(), run.texts().length, 1);
        }
        List<LengthControl.Row> rows = new ArrayList<>();
        for (int i = 0; i < run.texts().length; i++) {
            for (int a = 0; a < run.texts()[i].length; a++) {
                for (int b = 0; b < start.texts()[i].length; b++) {
                    rows.add(new LengthControl.Row(
                            Wins.outcome(run.measure()[i][a], start.measure()[i][b]), codePoints(start.texts()[i][b]), codePoints(run.texts()[i][a]), 0));
                }
            }
        }
        return LengthControl.isPossible(List.of(), rows)
                ? new LengthControlledWins(LengthControl.of(List.of(), rows), run.texts().length, rows.size() / run.texts().length) : null;
    }

    /** Of one run, from 0 to 1; NaN where there are too few pairs for a fit, or it does not converge. */
    static double rate(Evaluation run, Evaluation start) {
        try {
            LengthControlledWins found = of(run, start);
            return found == null ? Double.NaN : found.control.winRate() / PERCENT;
        } catch (NumericException e) {
            return Double.NaN;
        }
    }

    /** The mean over seeds, with its interval; of NaN as {@link #rate}. */
    static Estimate estimate(List<Evaluation> runs, List<Evaluation> starts, long random) {
        try {
            List<Bootstrap.Statistic> seeds = new ArrayList<>();
            for (int i = 0; i < runs.size(); i++) {
                LengthControlledWins found = of(runs.get(i), starts.get(i));
                if (found == null) {
                    return new Estimate(Double.NaN, Double.NaN, Double.NaN);
                }
                seeds.add(found);
            }
            return Bootstrap.of(seeds, random);
        } catch (NumericException e) {
            return new Estimate(Double.NaN, Double.NaN, Double.NaN);
        }
    }

    private static int codePoints(String text) {
        return text.codePointCount(0, text.length());
    }

    @Override
    public int size() {
        return prompts;
    }

    @Override
    public double of(int[] times) {
        if (control.selection() == null) {
            return control.winRate() / PERCENT;
        }
        int[] ofRows = new int[prompts * pairs];
        for (int i = 0; i < prompts; i++) {
            Arrays.fill(ofRows, i * pairs, (i + 1) * pairs, times[i]);
        }
        return control.redrawn(ofRows) / PERCENT;
    }
}
