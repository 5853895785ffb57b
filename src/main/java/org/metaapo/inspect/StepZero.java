package org.metaapo.inspect;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Network;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Weighting;
import org.metaapo.jobs.Policy;
import org.metaapo.ranks.Ranks;
import org.metaapo.train.PairScorer;
import org.metaapo.train.RunListener;

/**
 * What the model says of the first rows before any step: log-probs in natural logarithms.
 *
 * @param dtype of the weights
 * @param rows scored
 * @param pairs those of them with chosen and rejected
 * @param chosenPerToken mean log p over all tokens of chosen (or only) answers
 * @param rejectedPerToken the same of rejected answers; NaN without pairs
 * @param firstPerToken mean log p of the first token of each answer
 * @param endPerToken mean log p of the last token of each answer that was not cut
 * @param uniform log p of a guess among all tokens, −ln V
 * @param loss mean DPO loss with policy = reference, each packed in its own way: ln 2 up to rounding; NaN without pairs
 * @param accuracy share of pairs whose chosen answer has the larger log-prob sum; NaN without pairs
 * @param tokenLogps log p of the tokens of each answer, by row number
 */
record StepZero(
        Dtype dtype,
        int rows,
        int pairs,
        double chosenPerToken,
        double rejectedPerToken,
        double firstPerToken,
        double endPerToken,
        double uniform,
        double loss,
        double accuracy,
        Map<Integer, float[][]> tokenLogps) {
    private static final int GROUP = 16;
    private static final long MICRO_TOKENS = 4096;
    private static final double BETA = 0.1;

    /** A mean that is fed one number after another. */
    private static final class Mean {
        private double sum;
        private long count;

        void add(double value) {
            sum += value;
            count++;
        }

        double value() {
            return count == 0 ? Double.NaN : sum / count;
        }
    }

    /** Reads the weights and scores rows, which have answers. */
    static StepZero of(Engine engine, Dtype dtype, Policy policy, List<SeenRow> rows, RunListener listener) {
        long longest = rows.stream().mapToLong(StepZero::tokens).max().orElse(1);
        try (AdaptedFolder.Loaded weights = policy.load(engine, dtype);
                Scorer scorer = weights.network().scorer(Math.max(longest, MICRO_TOKENS))) {
            Map<Integer, float[][]> logps = new HashMap<>();
            List<double[]> sums = new ArrayList<>();
            listener.begin("scoring", rows.size());
            for (int from = 0; from < rows.size(); from += GROUP) {
                score(scorer, rows.subList(from, Math.min(rows.size(), from + GROUP)), logps, sums);
                listener.progress(Math.min(rows.size(), from + GROUP), "");
            }
            listener.end();
            return of(dtype, weights, rows, logps, sums, longest, listener);
        }
    }

    private static long tokens(SeenRow row) {
        return row.prompt().length
                + row.answers().stream()
                        .mapToLong(answer -> answer.ids().length)
                        .sum();
    }

    private static void score(Scorer scorer, List<SeenRow> rows, Map<Integer, float[][]> logps, List<double[]> sums) {
        TokenBatch.Builder builder = TokenBatch.builder();
        rows.forEach(row -> builder.pack(
                row.prompt(), row.answers().stream().map(SeenAnswer::ids).toList()));
        try (TokenBatch batch = builder.build()) {
            Scorer.LogProbs found = scorer.tokenLogprobs(batch);
            int at = 0;
            for (SeenRow row : rows) {
                float[][] tokens = new float[row.answers().size()][];
                double[] sum = new double[tokens.length];
                for (int i = 0; i < tokens.length; i++, at++) {
                    tokens[i] = found.tokens()[at];
                    sum[i] = found.sums()[at];
                }
                logps.put(row.row().id(), tokens);
                sums.add(sum);
            }
        }
    }

    private static StepZero of(
            Dtype dtype,
            AdaptedFolder.Loaded weights,
            List<SeenRow> rows,
            Map<Integer, float[][]> logps,
            List<double[]> sums,
            long longest,
            RunListener listener) {
        Mean chosen = new Mean();
        Mean rejected = new Mean();
        Mean first = new Mean();
        Mean end = new Mean();
        Mean accuracy = new Mean();
        List<PairScorer.Pair> pairs = new ArrayList<>();
        List<double[]> pairSums = new ArrayList<>();
        for (int r = 0; r < rows.size(); r++) {
            SeenRow row = rows.get(r);
            float[][] tokens = logps.get(row.row().id());
            for (int i = 0; i < tokens.length; i++) {
                SeenAnswer answer = row.answers().get(i);
                for (float logp : tokens[i]) {
                    (answer.side().endsWith("rejected") ? rejected : chosen).add(logp);
                }
                first.add(tokens[i][0]);
                if (answer.cut() == 0) {
                    end.add(tokens[i][tokens[i].length - 1]);
                }
            }
            if (row.row().isPair()) {
                accuracy.add(sums.get(r)[0] > sums.get(r)[1] ? 1 : 0);
                pairs.add(new PairScorer.Pair(
                        row.prompt(),
                        row.answers().get(0).ids(),
                        row.answers().get(1).ids(),
                        row.row().source()));
                pairSums.add(sums.get(r));
            }
        }
        double loss = pairs.isEmpty() ? Double.NaN : loss(weights.network(), pairs, pairSums, longest, listener);
        return new StepZero(
                dtype,
                rows.size(),
                pairs.size(),
                chosen.value(),
                rejected.value(),
                first.value(),
                end.value(),
                -Math.log(weights.model().shape().vocabSize()),
                loss,
                accuracy.value(),
                logps);
    }

    /** The reference's log-probs are computed anew without shared prompts, as the policy's may be in training. */
    private static double loss(
            Network model, List<PairScorer.Pair> pairs, List<double[]> sums, long longest, RunListener listener) {
        listener.begin("scoring as reference", pairs.size());
        List<double[]> references = new PairScorer(model, Math.max(longest, MICRO_TOKENS), false, Ranks.single())
                .score(pairs, done -> listener.progress(done, ""));
        listener.end();
        PairResults results = PairScorer.evaluate(pairs, sums, references, Objective.dpo(BETA), Weighting.constant(1));
        Mean mean = new Mean();
        for (double loss : results.lossOffline()) {
            mean.add(loss);
        }
        return mean.value();
    }
}
