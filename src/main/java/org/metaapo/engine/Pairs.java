package org.metaapo.engine;

/**
 * Rows of a batch: an offline pair each, and where sampled an online pair. Numbers are those of the batch's answers; an answer
 * may have several roles, whose gradients add up.
 *
 * @param chosen (rows); with KTO -1 where the row has a rejected answer alone, and then no online pair
 * @param rejected (rows); with KTO -1 where the row has a chosen answer alone, and then no online pair
 * @param onlineChosen (rows), -1 where the row has no online pair; null for none at all
 * @param onlineRejected as {@code onlineChosen}
 * @param referenceSums (answers) log-prob sums under the reference, or null for zeros
 * @param tokenCounts (answers) tokens of each answer; may be null where a batch goes with it
 * @param explored (rows) answer of the offline loss's exploration term, -1 for none; with SELM and XPO, else null
 * @param wins (rows, 2) P(chosen wins), P(rejected wins); with SPPO, which has no online pairs, else null
 * @param given (rows, 2, 3) loss, its slope by l(chosen), its slope by l(rejected) of the offline and of the online pair; with
 *     GIVEN, else null
 */
public record Pairs(
        int[] chosen,
        int[] rejected,
        int[] onlineChosen,
        int[] onlineRejected,
        double[] referenceSums,
        int[] tokenCounts,
        int[] explored,
        double[] wins,
        double[] given) {
    /** Entries of {@link #wins} for a row. */
    static final int WINS = 2;
    /** Entries of {@link #given} for a row. */
    static final int GIVEN = 6;

    /** Pairs for an objective that reads nothing but its two answers. */
    public Pairs(
            int[] chosen,
            int[] rejected,
            int[] onlineChosen,
            int[] onlineRejected,
            double[] referenceSums,
            int[] tokenCounts) {
        this(chosen, rejected, onlineChosen, onlineRejected, referenceSums, tokenCounts, null, null, null);
    }

    /** The same with losses and slopes of the caller's own. */
    public Pairs withGiven(double[] losses) {
        return new Pairs(chosen, rejected, onlineChosen, onlineRejected, referenceSums, tokenCounts, explored, wins, losses);
    }

    /** Number of rows. */
    public int rows() {
        return chosen.length;
    }
}
