package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.data.EncodedRow;
import org.metaapo.engine.Model;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Weighting;

/** Loss and accuracy on held-out rows. */
final class Evaluation {
    private final Model policy;
    private final Model reference;
    private final Objective objective;
    private final Recipe recipe;
    private final long maxTokens;
    private final boolean sharePrompts;

    Evaluation(Model policy, Model reference, Objective objective, Recipe recipe, long maxTokens, boolean sharePrompts) {
        this.policy = policy;
        this.reference = reference;
        this.objective = objective;
        this.recipe = recipe;
        this.maxTokens = maxTokens;
        this.sharePrompts = sharePrompts;
    }

    void write(List<EncodedRow> rows, ObjectNode line) {
        if (recipe == Recipe.SFT) {
            likelihood(rows, line);
            return;
        }
        List<PairScorer.Pair> pairs = rows.stream().map(r -> new PairScorer.Pair(r.prompt(), r.chosen(), r.rejected())).toList();
        List<double[]> sums = recipe == Recipe.REWARD_MODEL ? values(pairs) : score(policy, pairs);
        List<double[]> references = reference == null ? null : score(reference, pairs);
        int n = rows.size();
        int[] chosen = new int[n];
        int[] rejected = new int[n];
        int[] counts = new int[2 * n];
        double[] flat = new double[2 * n];
        double[] flatReference = references == null ? null : new double[2 * n];
        for (int i = 0; i < n; i++) {
            chosen[i] = 2 * i;
            rejected[i] = 2 * i + 1;
            counts[2 * i] = rows.get(i).chosen().length;
            counts[2 * i + 1] = rows.get(i).rejected().length;
            for (int side = 0; side < 2; side++) {
                flat[2 * i + side] = sums.get(i)[side];
                if (flatReference != null) {
                    flatReference[2 * i + side] = references.get(i)[side];
                }
            }
        }
        PairResults results = PreferenceLoss.evaluate(
                new Pairs(chosen, rejected, null, null, flatReference, counts), flat, objective, Weighting.constant(1), 1);
        double loss = 0;
        double accurate = 0;
        for (int i = 0; i < n; i++) {
            loss += results.loss()[i];
            accurate += results.deltaOffline()[i] > 0 ? 1 : 0;
        }
        line.put("loss", loss / n).put("accuracy", accurate / n);
    }

    private List<double[]> score(Model model, List<PairScorer.Pair> pairs) {
        return new PairScorer(model, maxTokens, sharePrompts).score(pairs, done -> {});
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
                    sum += scorer.logprobs(batch)[0];
                    tokens += row.chosen().length;
                }
            }
        }
        line.put("loss", -sum / tokens);
    }
}
