package org.metaapo.evaluate.mtbench;

import java.util.List;

/**
 * A model's rates in pairwise mode, from 0 to 1.
 *
 * @param wins turns that it wins
 * @param losses turns that it loses
 * @param ties turns without a winner
 * @param errors turns that are left out, for a game has no winner
 */
public record PairRates(int wins, int losses, int ties, int errors) {
    /** Counts the turns of a model. */
    public static PairRates of(List<PairJudgment> rows, String model) {
        int[] counts = new int[4];
        for (PairJudgment row : rows) {
            if (row.isOf(model)) {
                boolean isFirst = row.model1().equals(model);
                counts[switch (row.winner()) {
                    case MODEL_1 -> isFirst ? 0 : 1;
                    case MODEL_2 -> isFirst ? 1 : 0;
                    case TIE -> 2;
                    case ERROR -> 3;
                }]++;
            }
        }
        return new PairRates(counts[0], counts[1], counts[2], counts[3]);
    }

    /** Turns that count. */
    public int total() {
        return wins + losses + ties;
    }

    public double winRate() {
        return (double) wins / total();
    }

    public double lossRate() {
        return (double) losses / total();
    }

    /** With half of the ties. */
    public double winRateAdjusted() {
        return (wins + 0.5 * ties) / total();
    }
}
