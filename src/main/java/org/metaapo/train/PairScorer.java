package org.metaapo.train;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.metaapo.data.EncodedRow;
import org.metaapo.engine.Network;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Weighting;
import org.metaapo.error.NumericException;
import org.metaapo.ranks.Codec;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.SharedWork;

/** Log-prob sums of pairs under a model; each rank scores a share of them. */
public final class PairScorer {
    private static final int GROUP = 32;

    private final Network model;
    private final long maxTokens;
    private final boolean sharePrompts;
    private final Ranks ranks;

    /**
     * A scorer.
     *
     * @param maxTokens tokens of one forward, at least the longest pack's
     * @param sharePrompts whether a pair's answers run in one pack
     */
    public PairScorer(Network model, long maxTokens, boolean sharePrompts, Ranks ranks) {
        this.ranks = ranks;
        this.model = model;
        this.maxTokens = maxTokens;
        this.sharePrompts = sharePrompts;
    }

    /**
     * A prompt with two answers, of which one may be null in unpaired data.
     *
     * @param source file and line, for messages
     */
    public record Pair(int[] prompt, int[] chosen, int[] rejected, String source) {}

    /**
     * A prompt with any answers.
     *
     * @param source file and line, for messages
     */
    record Pack(int[] prompt, List<int[]> answers, String source) {}

    /** The offline pairs of rows: a view that reads a row's tokens whenever it is asked for. */
    public static List<Pair> pairs(List<EncodedRow> rows) {
        return new View<>(rows, row -> new Pair(row.prompt(), row.chosen(), row.rejected(), row.source()));
    }

    /** All answers of rows, as far as a row has them: chosen, rejected, online chosen, online rejected; such a view. */
    static List<Pack> packs(List<EncodedRow> rows) {
        return new View<>(rows, row -> new Pack(
                row.prompt(), present(row.chosen(), row.rejected(), row.onlineChosen(), row.onlineRejected()), row.source()));
    }

    private static List<int[]> present(int[]... answers) {
        return Stream.of(answers).filter(Objects::nonNull).toList();
    }

    private static final class View<T, R> extends AbstractList<R> implements RandomAccess {
        private final List<T> of;
        private final Function<T, R> by;

        View(List<T> of, Function<T, R> by) {
            this.of = of;
            this.by = by;
        }

        @Override
        public R get(int index) {
            return by.apply(of.get(index));
        }

        @Override
        public int size() {
            return of.size();
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
        scorePacks(packsOf(pairs), sums, done);
        return ofPairs(pairs, sums);
    }

    /** The answers that pairs have; a view. */
    static List<Pack> packsOf(List<Pair> pairs) {
        return new View<>(pairs, pair -> new Pack(pair.prompt(), present(pair.chosen(), pair.rejected()), pair.source()));
    }

    /** The sums of {@link #packsOf} as (chosen, rejected), with 0 for an answer that is not there. */
    static List<double[]> ofPairs(List<Pair> pairs, List<double[]> sums) {
        List<double[]> result = new ArrayList<>();
        for (int i = 0; i < sums.size(); i++) {
            result.add(sums.get(i).length > 1 ? sums.get(i) : alone(sums.get(i)[0], pairs.get(i).chosen() != null));
        }
        return result;
    }

    /** (chosen, rejected) of a row with one answer. */
    static double[] alone(double sum, boolean isChosen) {
        return isChosen ? new double[] {sum, 0} : new double[] {0, sum};
    }

    /** The sums of each pack's answers; see {@link #score}. */
    List<double[]> scorePacks(List<Pack> packs, LongConsumer done) {
        List<double[]> sums = new ArrayList<>();
        scorePacks(packs, sums, done);
        return sums;
    }

    /**
     * As the other, from the {@code sums.size()}-th pack on; the sums are added group by group, before {@code done} hears of them.
     * Those that an exception of {@code done} left are a beginning from which another call goes on to the same bits. An exception of one
     * rank is one of all.
     */
    void scorePacks(List<Pack> packs, List<double[]> sums, LongConsumer done) {
        try (Scorer scorer = model.scorer(maxTokens)) {
            SharedWork.inGroups(ranks, model.isSharded(), packs, GROUP, this::tokens, Codec.NUMBERS, own -> score(scorer, own), sums, done);
        }
    }

    private long tokens(Pack pack) {
        long answers = pack.answers().stream().mapToLong(answer -> answer.length).sum();
        return answers + (long) pack.prompt().length * (sharePrompts ? 1 : pack.answers().size());
    }

    private List<double[]> score(Scorer scorer, List<Pack> packs) {
        if (packs.isEmpty()) {
            if (model.isSharded()) {
                scorer.idle();
            }
            return List.of();
        }
        TokenBatch.Builder builder = TokenBatch.builder();
        for (Pack pack : packs) {
            if (sharePrompts) {
                builder.pack(pack.prompt(), pack.answers());
            } else {
                pack.answers().forEach(answer -> builder.pack(pack.prompt(), List.of(answer)));
            }
        }
        try (TokenBatch batch = builder.build()) {
            double[] values = scorer.logprobs(batch);
            List<double[]> sums = new ArrayList<>();
            int at = 0;
            for (Pack pack : packs) {
                sums.add(Arrays.copyOfRange(values, at, at += pack.answers().size()));
            }
            return sums;
        } catch (NumericException e) {
            throw new NumericException("rows " + packs.get(0).source() + " to " + packs.get(packs.size() - 1).source() + ": " + e.getMessage());
        }
    }
}
