package org.metaapo.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * KTO's estimate of the divergence between policy and reference (arXiv 2402.01306, section 4.1): the mean over a batch of
 * log π(y'|x) − log π_ref(y'|x), at least 0, where y' are another row's answers. The other row is the next one of the batch, the
 * first for the last, so that any batch of two rows or more has an estimate; that of one row is 0.
 */
final class MismatchedAnswers {
    private MismatchedAnswers() {}

    /**
     * Each row's prompt with the next row's answers; empty for one row.
     *
     * @param room tokens of prompt and answer together; an answer keeps its start
     */
    static List<PairScorer.Pack> of(List<TrainRow> batch, int room) {
        List<PairScorer.Pack> packs = new ArrayList<>();
        if (batch.size() < 2) {
            return packs;
        }
        for (int i = 0; i < batch.size(); i++) {
            int[] prompt = batch.get(i).row().prompt();
            List<int[]> answers = batch.get((i + 1) % batch.size()).answers().stream()
                    .map(answer -> Arrays.copyOf(answer, Math.max(1, Math.min(answer.length, room - prompt.length))))
                    .toList();
            packs.add(new PairScorer.Pack(prompt, answers, batch.get(i).row().source()));
        }
        return packs;
    }

    /** The estimate from log-prob sums under policy and reference, pack by pack. */
    static double divergence(List<double[]> policy, List<double[]> reference) {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < policy.size(); i++) {
            for (int j = 0; j < policy.get(i).length; j++) {
                sum += policy.get(i)[j] - reference.get(i)[j];
                count++;
            }
        }
        return count == 0 ? 0 : Math.max(0, sum / count);
    }
}
