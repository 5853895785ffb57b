package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.data.EncodedRow;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Weighting;

/** Loss, rewards and accuracy on held-out rows, as the policy is. */
final class Evaluation {
    private static final String PHASE = "evaluating";

    private final RunParts parts;

    Evaluation(RunParts parts) {
        this.parts = parts;
    }

    /**
     * Adds what it finds to a line.
     *
     * @throws org.metaapo.error.InterruptedRunException after a stop
     */
    void write(ObjectNode line) {
        List<EncodedRow> rows = parts.data().evaluation();
        if (parts.recipe() == Recipe.SFT) {
            likelihood(rows, line);
            return;
        }
        Objective objective = parts.objective().ofGivenPairs();
        List<double[]> references = parts.references() == null ? null : parts.references().evaluation();
        List<PairScorer.Pair> pairs = PairScorer.pairs(rows);
        List<double[]> sums = parts.recipe() == Recipe.REWARD_MODEL ? values(pairs) : parts.scoring().score(parts.policy(), pairs, PHASE);
        PairResults results = PairScorer.evaluate(pairs, sums, references, objective, parts.own(), Weighting.constant(1));
        line.put("loss", Arrays.stream(results.loss()).sum() / rows.size());
        PairMeans means = new PairMeans(objective, parts.recipe() == Recipe.REWARD_MODEL);
        for (int i = 0; i < rows.size(); i++) {
            double[] reference = references == null ? new double[2] : references.get(i);
            means.add(
                    answer(sums.get(i)[0], reference[0], rows.get(i).chosenTokens()),
                    answer(sums.get(i)[1], reference[1], rows.get(i).rejectedTokens()));
        }
        means.write(line);
    }

    private static PairMeans.Answer answer(double sum, double reference, int tokens) {
        return tokens == 0 ? null : new PairMeans.Answer(sum, reference, tokens);
    }

    private List<double[]> values(List<PairScorer.Pair> pairs) {
        List<double[]> all = new ArrayList<>();
        parts.listener().begin(PHASE, pairs.size());
        try (Scorer scorer = parts.policy().scorer(parts.maxTokens())) {
            for (PairScorer.Pair pair : pairs) {
                TokenBatch.Builder builder = TokenBatch.builder();
                builder.pack(pair.prompt(), List.of(pair.chosen(), pair.rejected()));
                try (TokenBatch batch = builder.build()) {
                    all.add(scorer.values(batch));
                }
                passed(all.size());
            }
        }
        parts.listener().end();
        return all;
    }

    private void likelihood(List<EncodedRow> rows, ObjectNode line) {
        TrainedTokens trained = parts.trainedTokens();
        double sum = 0;
        long tokens = 0;
        int done = 0;
        parts.listener().begin(PHASE, rows.size());
        try (Scorer scorer = parts.policy().scorer(parts.maxTokens())) {
            for (EncodedRow row : rows) {
                TokenBatch.Builder builder = TokenBatch.builder();
                builder.pack(row.prompt(), List.of(row.chosen()));
                try (TokenBatch batch = builder.build()) {
                    sum += trained.areAll() ? scorer.logprobs(batch)[0] : trained.sum(row, scorer.tokenLogprobs(batch).tokens()[0]);
                    tokens += trained.count(row);
                }
                passed(++done);
            }
        }
        parts.listener().end();
        line.put("loss", -sum / tokens);
    }

    private void passed(int rows) {
        parts.listener().progress(rows, "");
        parts.stop().check();
    }
}
