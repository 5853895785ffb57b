package org.metaapo.train;

import java.util.ArrayList;
import java.util.List;
import org.metaapo.data.EncodedRow;

/**
 * A row ready for training.
 *
 * @param row tokens of the row's own pair, or of its one answer
 * @param own whether the row's own answers are trained
 * @param reference log-prob sums of the own (chosen, rejected) under the reference; null where not needed
 * @param made a pair that was made for the row, or null
 * @param mismatched log-prob sums under the reference of another row's answers to this row's prompt, for KTO's estimate of the
 *     divergence ({@link MismatchedAnswers}); null where not needed
 */
record TrainRow(EncodedRow row, boolean own, double[] reference, MadePair made, double[] mismatched) {
    /**
     * Two candidates of a prompt, and where the loss explores, a third role.
     *
     * @param chosen ids of the best
     * @param rejected ids of the worst
     * @param explored ids of the answer with the exploration term, where it is neither of the two; else null
     * @param exploredRole -1 for no exploration, 0 the chosen, 1 the rejected, 2 {@code explored}
     * @param wins (P(chosen wins), P(rejected wins)) against the candidates; null where not needed
     * @param reference log-prob sums of (chosen, rejected[, explored]) under the reference; null where not needed
     */
    record MadePair(int[] chosen, int[] rejected, int[] explored, int exploredRole, double[] wins, double[] reference) {
        List<int[]> answers() {
            return explored == null ? List.of(chosen, rejected) : List.of(chosen, rejected, explored);
        }

        MadePair withReference(double[] sums) {
            return new MadePair(chosen, rejected, explored, exploredRole, wins, sums);
        }
    }

    /** A row with its own answers alone. */
    static TrainRow own(EncodedRow row, double[] reference) {
        return new TrainRow(row, true, reference, null, null);
    }

    TrainRow withMismatched(double[] sums) {
        return new TrainRow(row, own, reference, made, sums);
    }

    /** All answers that are trained: the own chosen and rejected, as far as the row has them, then those of the made pair. */
    List<int[]> answers() {
        List<int[]> answers = new ArrayList<>();
        if (own && row.chosenTokens() > 0) {
            answers.add(row.chosen());
        }
        if (own && row.rejectedTokens() > 0) {
            answers.add(row.rejected());
        }
        if (made != null) {
            answers.addAll(made.answers());
        }
        return answers;
    }

    /** Tokens that the row takes in a batch. */
    long tokens(boolean sharePrompts) {
        int count = own ? (row.chosenTokens() > 0 ? 1 : 0) + (row.rejectedTokens() > 0 ? 1 : 0) : 0;
        long sum = own ? row.chosenTokens() + row.rejectedTokens() : 0;
        if (made != null) {
            for (int[] answer : made.answers()) {
                count++;
                sum += answer.length;
            }
        }
        return sum + (long) row.promptTokens() * (sharePrompts ? 1 : count);
    }
}
