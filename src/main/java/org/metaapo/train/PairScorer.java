package org.metaapo.train;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.RandomAccess;
import java.util.function.LongConsumer;
import org.metaapo.data.EncodedRow;
import org.metaapo.engine.Model;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Weighting;
import org.metaapo.error.NumericException;

/** Log-prob sums of pairs under a model. */
public final class PairScorer {
    private static final int GROUP = 32;

    private final Model model;
    private final long maxTokens;
    private final boolean sharePrompts;

    /**
     * A scorer.
     *
     * @param maxTokens tokens of one forward, at least the longest pack's
     * @param sharePrompts whether a pair's answers run in one pack
     */
    public PairScorer(Model model, long maxTokens, boolean sharePrompts) {
        this.model = model;
        this.maxTokens = maxTokens;
        this.sharePrompts = sharePrompts;
    }

    /**
     * A prompt with two answers.
     *
     * @param source file and line, for messages
     */
    public record Pair(int[] prompt, int[] chosen, int[] rejected, String source) {}

    /** The offline pairs of rows: a view that reads a row's tokens whenever it is asked for. */
    public static List<Pair> pairs(List<EncodedRow> rows) {
        return new PairView(rows);
    }

    private static final class PairView extends AbstractList<Pair> implements RandomAccess {
        private final List<EncodedRow> rows;

        PairView(List<EncodedRow> rows) {
            this.rows = rows;
        }

        @Override
        public Pair get(int index) {
            EncodedRow row = rows.get(index);
            return new Pair(row.prompt(), row.chosen(), row.rejected(), row.source());
        }

        @Override
        public int size() {
            return rows.size();
        }
    }

    /**
     * Losses and scores of pairs without online ones.
     *
     * @param sums (chosen, rejected) of each pair under the policy
     * @param references the same under the reference, or null
     */
    public static PairResults evaluate(
            List<Pair> pairs, List<double[]> sums, List<double[]> references, Objective objective, Weighting weighting) {
        int n = pairs.size();
        int[] chosen = new int[n];
        int[] rejected = new int[n];
        int[] counts = new int[2 * n];
        for (int i = 0; i < n; i++) {
            chosen[i] = 2 * i;
            rejected[i] = 2 * i + 1;
            Pair pair = pairs.get(i);
            counts[2 * i] = pair.chosen().length;
            counts[2 * i + 1] = pair.rejected().length;
        }
        double[] flat = sums.stream().flatMapToDouble(Arrays::stream).toArray();
        double[] flatReferences = references == null ? null : references.stream().flatMapToDouble(Arrays::stream).toArray();
        return PreferenceLoss.evaluate(
                new Pairs(chosen, rejected, null, null, flatReferences, counts), flat, objective, weighting, 1);
    }

    /**
     * (chosen, rejected) of each pair.
     *
     * @param done hears how many pairs are finished
     * @throws NumericException if a log-prob is not finite
     */
    public List<double[]> score(List<Pair> pairs, LongConsumer done) {
        List<double[]> sums = new ArrayList<>();
        try (Scorer scorer = model.scorer(maxTokens)) {
            for (int from = 0; from < pairs.size(); from += GROUP) {
                List<Pair> group = List.copyOf(pairs.subList(from, Math.min(pairs.size(), from + GROUP)));
                TokenBatch.Builder builder = TokenBatch.builder();
                for (Pair pair : group) {
                    if (sharePrompts) {
                        builder.pack(pair.prompt(), List.of(pair.chosen(), pair.rejected()));
                    } else {
                        builder.pack(pair.prompt(), List.of(pair.chosen()));
                        builder.pack(pair.prompt(), List.of(pair.rejected()));
                    }
                }
                try (TokenBatch batch = builder.build()) {
                    double[] values = scorer.logprobs(batch);
                    for (int i = 0; i < group.size(); i++) {
                        sums.add(new double[] {values[2 * i], values[2 * i + 1]});
                    }
                } catch (NumericException e) {
                    throw new NumericException("rows " + group.get(0).source() + " to " + group.get(group.size() - 1).source()
                            + ": " + e.getMessage());
                }
                done.accept(from + group.size());
            }
        }
        return sums;
    }
}
