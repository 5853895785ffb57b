package org.metaapo.train;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
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
     * A prompt with two answers, of which one may be null in unpaired data.
     *
     * @param source file and line, for messages
     */
    public record Pair(int[] prompt, int[] chosen, int[] rejected, String source) {
        List<int[]> answers() {
            return Stream.of(chosen, rejected).filter(Objects::nonNull).toList();
        }
    }

    /**
     * A prompt with any answers.
     *
     * @param source file and line, for messages
     */
    record Pack(int[] prompt, List<int[]> answers, String source) {}

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
        return evaluate(pairs, sums, references, objective, null, weighting);
    }

    /** As the other, where {@code own} is a user's objective or null. */
    static PairResults evaluate(
            List<Pair> pairs, List<double[]> sums, List<double[]> references, Objective objective, OwnObjective own,
            Weighting weighting) {
        int n = pairs.size();
        int[] chosen = new int[n];
        int[] rejected = new int[n];
        List<Integer> counts = new ArrayList<>();
        List<Double> flat = new ArrayList<>();
        List<Double> flatReferences = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int[][] answers = {pairs.get(i).chosen(), pairs.get(i).rejected()};
            for (int side = 0; side < 2; side++) {
                (side == 0 ? chosen : rejected)[i] = answers[side] == null ? -1 : counts.size();
                if (answers[side] != null) {
                    counts.add(answers[side].length);
                    flat.add(sums.get(i)[side]);
                    flatReferences.add(references == null ? 0 : references.get(i)[side]);
                }
            }
        }
        Pairs all = new Pairs(
                chosen, rejected, null, null, references == null ? null : doubles(flatReferences),
                counts.stream().mapToInt(Integer::intValue).toArray());
        double[] values = doubles(flat);
        return PreferenceLoss.evaluate(own == null ? all : all.withGiven(own.losses(all, values)), values, objective, weighting, 1);
    }

    private static double[] doubles(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /**
     * (chosen, rejected) of each pair; 0 for an answer that a row does not have.
     *
     * @param done hears how many pairs are finished
     * @throws NumericException if a log-prob is not finite
     */
    public List<double[]> score(List<Pair> pairs, LongConsumer done) {
        List<double[]> sums = new ArrayList<>();
        score(pairs, sums, done);
        return sums;
    }

    /**
     * As the other, from the {@code sums.size()}-th pair on; the sums are added group by group, before {@code done} hears of them.
     * Those that an exception of {@code done} left are a beginning from which another call goes on to the same bits.
     */
    void score(List<Pair> pairs, List<double[]> sums, LongConsumer done) {
        List<Pack> packs = new AbstractList<>() {
            @Override
            public Pack get(int index) {
                Pair pair = pairs.get(index);
                return new Pack(pair.prompt(), pair.answers(), pair.source());
            }

            @Override
            public int size() {
                return pairs.size();
            }
        };
        scorePacks(packs, sums, done);
        for (int i = 0; i < sums.size(); i++) {
            if (sums.get(i).length == 1) {
                double only = sums.get(i)[0];
                sums.set(i, pairs.get(i).chosen() == null ? new double[] {0, only} : new double[] {only, 0});
            }
        }
    }

    /** The sums of each pack's answers; see {@link #score(List, LongConsumer)}. */
    List<double[]> scorePacks(List<Pack> packs, LongConsumer done) {
        List<double[]> sums = new ArrayList<>();
        scorePacks(packs, sums, done);
        return sums;
    }

    /** As the other, in the way of {@link #score(List, List, LongConsumer)}. */
    void scorePacks(List<Pack> packs, List<double[]> sums, LongConsumer done) {
        try (Scorer scorer = model.scorer(maxTokens)) {
            for (int from = sums.size(); from < packs.size(); from += GROUP) {
                // Read once: a pack of a view reads its tokens whenever it is asked for.
                List<Pack> group = List.copyOf(packs.subList(from, Math.min(packs.size(), from + GROUP)));
                TokenBatch.Builder builder = TokenBatch.builder();
                for (Pack pack : group) {
                    if (sharePrompts) {
                        builder.pack(pack.prompt(), pack.answers());
                    } else {
                        pack.answers().forEach(answer -> builder.pack(pack.prompt(), List.of(answer)));
                    }
                }
                try (TokenBatch batch = builder.build()) {
                    double[] values = scorer.logprobs(batch);
                    int at = 0;
                    for (Pack pack : group) {
                        sums.add(Arrays.copyOfRange(values, at, at += pack.answers().size()));
                    }
                } catch (NumericException e) {
                    throw new NumericException("rows " + group.get(0).source() + " to " + group.get(group.size() - 1).source()
                            + ": " + e.getMessage());
                }
                done.accept(from + group.size());
            }
        }
    }
}
