package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.data.EncodedRow;
import org.metaapo.engine.Model;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Weighting;

/** Loss and accuracy on held-out rows. */
final class Evaluation {
    private final Model policy;
    private final List<double[]> references;
    private final Objective objective;
    private final OwnObjective own;
    private final Recipe recipe;
    private final long maxTokens;
    private final boolean sharePrompts;
    private final TrainedTokens trained;

    /** {@code references} are the rows' (chosen, rejected) log-prob sums under the reference; null where the loss has none. */
    Evaluation(
            Model policy, List<double[]> references, Objective objective, OwnObjective own, Recipe recipe, long maxTokens, boolean sharePrompts,
            TrainedTokens trained) {
        this.policy = policy;
        this.references = references;
        this.objective = objective;
        this.own = own;
        this.recipe = recipe;
        this.maxTokens = maxTokens;
        this.sharePrompts = sharePrompts;
        this.trained = trained;
    }

    void write(List<EncodedRow> rows, ObjectNode line) {
        if (recipe == Recipe.SFT) {
            likelihood(rows, line);
            return;
        }
        List<PairScorer.Pair> pairs = PairScorer.pairs(rows);
        List<double[]> sums = recipe == Recipe.REWARD_MODEL
                ? values(pairs)
                : new PairScorer(policy, maxTokens, sharePrompts).score(pairs, done -> {});
        PairResults results = PairScorer.evaluate(pairs, sums, references, objective, own, Weighting.constant(1));
        int n = rows.size();
        double loss = 0;
        double accurate = 0;
        int paired = 0;
        for (int i = 0; i < n; i++) {
            loss += results.loss()[i];
            accurate += results.deltaOffline()[i] > 0 ? 1 : 0;
            paired += Double.isNaN(results.deltaOffline()[i]) ? 0 : 1;
        }
        line.put("loss", loss / n);
        if (paired > 0) {
            line.put("accuracy", accurate / paired);
        }
    }

    private List<double[]> values(List<PairScorer.Pair> pairs) {
        List<double[]> all = new ArrayList<>();
        try (Scorer scorer = policy.scorer(maxTokens)) {
            for (PairScorer.Pair pair : pairs) {
                TokenBatch.Builder builder = TokenBatch.builder();
                builder.pack(pair.prompt(), List.of(pair.chosen(), pair.rejected()));
                try (TokenBatch batch = builder.build()) {
                    all.add(scorer.values(batch));
                }
            }
        }
        return all;
    }

    private void likelihood(List<EncodedRow> rows, ObjectNode line) {
        double sum = 0;
        long tokens = 0;
        try (Scorer scorer = policy.scorer(maxTokens)) {
            for (EncodedRow row : rows) {
                TokenBatch.Builder builder = TokenBatch.builder();
                builder.pack(row.prompt(), List.of(row.chosen()));
                try (TokenBatch batch = builder.build()) {
                    sum += trained.areAll() ? scorer.logprobs(batch)[0] : trained.sum(row, scorer.tokenLogprobs(batch).tokens()[0]);
                    tokens += trained.count(row);
                }
            }
        }
        line.put("loss", -sum / tokens);
    }
}
