package org.metaapo.engine;

/**
 * Rows of a batch: an offline pair each, and where sampled an online pair. Numbers are those of the batch's answers.
 *
 * @param chosen (rows)
 * @param rejected (rows)
 * @param onlineChosen (rows), -1 where the row has no online pair; null for none at all
 * @param onlineRejected as {@code onlineChosen}
 * @param referenceSums (answers) log-prob sums under the reference, or null for zeros
 * @param tokenCounts (answers) tokens of each answer; may be null where a batch goes with it
 */
public record Pairs(
        int[] chosen,
        int[] rejected,
        int[] onlineChosen,
        int[] onlineRejected,
        double[] referenceSums,
        int[] tokenCounts) {
    /** Number of rows. */
    public int rows() {
        return chosen.length;
    }
}
