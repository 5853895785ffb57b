package org.metaapo.train;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.metaapo.engine.Model;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;

/** Log-prob sums of pairs under a model. */
final class PairScorer {
    private static final int GROUP = 32;

    private final Model model;
    private final long maxTokens;
    private final boolean sharePrompts;

    PairScorer(Model model, long maxTokens, boolean sharePrompts) {
        this.model = model;
        this.maxTokens = maxTokens;
        this.sharePrompts = sharePrompts;
    }

    /** A prompt with two answers. */
    record Pair(int[] prompt, int[] chosen, int[] rejected) {}

    /** (chosen, rejected) of each pair. */
    List<double[]> score(List<Pair> pairs, LongConsumer done) {
        List<double[]> sums = new ArrayList<>();
        try (Scorer scorer = model.scorer(maxTokens)) {
            for (int from = 0; from < pairs.size(); from += GROUP) {
                List<Pair> group = pairs.subList(from, Math.min(pairs.size(), from + GROUP));
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
                }
                done.accept(from + group.size());
            }
        }
        return sums;
    }
}
