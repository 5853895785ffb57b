package org.metaapo.train;

import java.util.ArrayList;
import java.util.Arrays;
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

    /**
     * A row as the data has it, with the online pair that it may bring; one whose answers are equal is none.
     *
     * @param reference log-prob sums of its own answers under the reference, then of the online ones; null where not needed
     */
    static TrainRow given(EncodedRow row, double[] reference) {
        if (row.onlineTokens() == 0) {
            return own(row, reference);
        }
        double[] ofOwn = reference == null ? null : Arrays.copyOf(reference, 2);
        int[] chosen = row.onlineChosen();
        int[] rejected = row.onlineRejected();
        MadePair online = Arrays.equals(chosen, rejected)
                ? null
                : new MadePair(chosen, rejected, null, -1, null, reference == null ? null : Arrays.copyOfRange(reference, 2, 4));
        return new TrainRow(row, true, ofOwn, online, null);
    }

    TrainRow withMismatched(double[] sums) {
        return new TrainRow(row, own, reference, made, sums);
    }

    /**
     * An answer of the first pair that is trained, the own one where that is.
     *
     * @param tokens of the answer; 0 where the row does not have it
     * @param reference its log-prob sum under the reference; 0 where not needed
     */
    record First(int tokens, double reference) {}

    /** Of the first pair, the chosen answer. */
    First chosen() {
        return own ? new First(row.chosenTokens(), reference == null ? 0 : reference[0])
                : new First(made.chosen().length, made.reference() == null ? 0 : made.reference()[0]);
    }

    /** Of the first pair, the rejected answer. */
    First rejected() {
        return own ? new First(row.rejectedTokens(), reference == null ? 0 : reference[1])
                : new First(made.rejected().length, made.reference() == null ? 0 : made.reference()[1]);
    }

    /** Whether a second pair is trained, the made one. */
    boolean hasSecond() {
        return own && made != null;
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

    /** Tokens that a row of the data takes in a batch, the online pair that it may bring included. */
    static long tokens(EncodedRow row, boolean sharePrompts) {
        int answers = (row.chosenTokens() > 0 ? 1 : 0) + (row.rejectedTokens() > 0 ? 1 : 0) + (row.onlineTokens() > 0 ? 2 : 0);
        return (long) row.chosenTokens() + row.rejectedTokens() + row.onlineTokens() + (long) row.promptTokens() * (sharePrompts ? 1 : answers);
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
