package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.ToLongFunction;
import org.metaapo.data.EncodedRow;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Weighting;
import org.metaapo.ranks.Codec;
import org.metaapo.ranks.SharedWork;

/** Loss, rewards and accuracy on held-out rows, as the policy is. */
final class Evaluation {
    private static final String PHASE = "evaluating";
    private static final int GROUP = 32;

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
        PairResults results = parts.ranks().agree(
                () -> PairScorer.evaluate(pairs, sums, references, objective, parts.own(), Weighting.constant(1)));
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
        return rowByRow(pairs, pair -> pair.prompt().length + pair.chosen().length + pair.rejected().length, (scorer, pair) -> {
            TokenBatch.Builder builder = TokenBatch.builder();
            builder.pack(pair.prompt(), List.of(pair.chosen(), pair.rejected()));
            try (TokenBatch batch = builder.build()) {
                return scorer.values(batch);
            }
        });
    }

    private void likelihood(List<EncodedRow> rows, ObjectNode line) {
        TrainedTokens trained = parts.trainedTokens();
        double sum = 0;
        double tokens = 0;
        List<double[]> all = rowByRow(rows, row -> row.promptTokens() + row.chosenTokens(), (scorer, row) -> {
            TokenBatch.Builder builder = TokenBatch.builder();
            builder.pack(row.prompt(), List.of(row.chosen()));
            try (TokenBatch batch = builder.build()) {
                double of = trained.areAll() ? scorer.logprobs(batch)[0] : trained.sum(row, scorer.tokenLogprobs(batch).tokens()[0]);
                return new double[] {of, trained.count(row)};
            }
        });
        for (double[] ofRow : all) {
            sum += ofRow[0];
            tokens += ofRow[1];
        }
        line.put("loss", -sum / tokens);
    }

    private <T> List<double[]> rowByRow(List<T> rows, ToLongFunction<T> size, BiFunction<Scorer, T, double[]> work) {
        List<double[]> all = new ArrayList<>();
        parts.listener().begin(PHASE, rows.size());
        boolean waits = parts.policy().isSharded();
        try (Scorer scorer = parts.policy().scorer(parts.maxTokens())) {
            // Ranks that wait for each other in a forward have as many of them.
            SharedWork.inGroups(parts.ranks(), waits, rows, waits ? 1 : GROUP, size, Codec.NUMBERS, own -> {
                if (waits && own.isEmpty()) {
                    scorer.idle();
                }
                return own.stream().map(row -> work.apply(scorer, row)).toList();
            }, all, this::passed);
        }
        parts.listener().end();
        return all;
    }

    private void passed(long rows) {
        parts.listener().progress(rows, "");
        parts.stop().check();
    }
}
