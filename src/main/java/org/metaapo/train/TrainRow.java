package org.metaapo.train;

import org.metaapo.data.EncodedRow;

/**
 * A row ready for training.
 *
 * @param row tokens of the offline pair, or of the one answer
 * @param reference log-prob sums of (chosen, rejected) under the reference; null where not needed
 * @param online the online pair, or null
 */
record TrainRow(EncodedRow row, double[] reference, OnlinePair online) {
    /**
     * Two of the policy's own answers.
     *
     * @param chosen ids of the best
     * @param rejected ids of the worst
     * @param reference log-prob sums of (chosen, rejected) under the reference
     */
    record OnlinePair(int[] chosen, int[] rejected, double[] reference) {}

    /** Tokens that the row takes in a batch. */
    long tokens(boolean sharePrompts) {
        int answers = 1 + (row.rejectedTokens() == 0 ? 0 : 1) + (online == null ? 0 : 2);
        long sum = (long) row.promptTokens() * (sharePrompts ? 1 : answers) + row.chosenTokens() + row.rejectedTokens();
        return online == null ? sum : sum + online.chosen().length + online.rejected().length;
    }
}
