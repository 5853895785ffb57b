package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Trainer;
import org.metaapo.engine.Weighting;
import org.metaapo.error.NumericException;
import org.metaapo.meta.MetaLearner;
import org.metaapo.ranks.Codec;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.SharedWork;

/**
 * Gradients of one batch, and what its line of metrics says. Each rank forwards and backwards its share of the rows, turn by turn; what
 * comes of the rows is then gathered, and the same on all.
 */
final class Step {
    private final Ranks ranks;
    private final Trainer trainer;
    private final Objective objective;
    private final OwnObjective own;
    private final boolean referenceFree;
    private final boolean sharePrompts;
    private final long microTokens;
    /** Whether ranks wait for each other in each forward and backward. */
    private final boolean waits;

    /** Sums over the batch's rows, and of how many. */
    private final PairMeans means;
    private double loss;
    private double likelihoods;
    private double weight;
    private double scoreOffline;
    private double scoreOnline;
    private int answers;
    private int online;
    private double logRatios;
    private int answersOfPairs;
    private long tokens;
    private final List<TrainRow> asked = new ArrayList<>();

    /** {@code means} gathers what is said of the rows' pairs; {@code own} is the user's objective, or null. */
    Step(
            Ranks ranks, Trainer trainer, Objective objective, OwnObjective own, PairMeans means, boolean referenceFree,
            boolean sharePrompts, long microTokens, boolean waits) {
        this.waits = waits;
        this.ranks = ranks;
        this.means = means;
        this.trainer = trainer;
        this.objective = objective;
        this.own = own;
        this.referenceFree = referenceFree;
        this.sharePrompts = sharePrompts;
        this.microTokens = microTokens;
    }

    /** The preference loss of rows; rows with both pairs go to the meta-learner's buffer, where there is one. */
    void preference(List<TrainRow> rows, Function<List<TrainRow>, Weighting> weighting, MetaLearner meta) {
        List<RowLoss> losses = outcomes(rows, RowLoss.CODEC, turn -> losses(turn, weighting.apply(turn), rows.size()));
        Weighting ofAll = weighting.apply(rows);
        for (int i = 0; i < rows.size(); i++) {
            collect(rows.get(i), losses.get(i), ofAll.featuresOfRow(i), meta);
            tokens += rows.get(i).tokens(sharePrompts);
        }
    }

    /** The mean negative log-likelihood of the answers' tokens that are trained on. */
    void likelihood(List<TrainRow> rows, TrainedTokens trained) {
        long answerTokens = rows.stream().mapToLong(row -> trained.count(row.row())).sum();
        for (double[] sum : outcomes(rows, Codec.NUMBERS, turn -> likelihoods(turn, trained, answerTokens))) {
            loss -= sum[0] / answerTokens * rows.size();
            likelihoods += sum[0];
            answers++;
        }
        tokens += rows.stream().mapToLong(row -> row.row().promptTokens() + row.row().chosenTokens()).sum();
    }

    /** What each row came to, where {@code work} forwards and backwards the rows of a turn. */
    private <T> List<T> outcomes(List<TrainRow> rows, Codec<T> codec, Function<List<TrainRow>, List<T>> work) {
        Shares shares = Shares.of(rows.stream().mapToLong(row -> row.tokens(sharePrompts)).toArray(), ranks.size(), microTokens);
        Function<int[], List<T>> turns = mine -> {
            List<T> own = new ArrayList<>();
            for (int[] turn : shares.turns().get(ranks.rank())) {
                if (turn.length > 0) {
                    own.addAll(ofTurn(Arrays.stream(turn).mapToObj(rows::get).toList(), work));
                } else {
                    trainer.idle();
                }
            }
            return own;
        };
        return waits ? SharedWork.together(ranks, shares.rows(), codec, turns) : SharedWork.results(ranks, shares.rows(), codec, turns);
    }

    private static <T> List<T> ofTurn(List<TrainRow> rows, Function<List<TrainRow>, List<T>> work) {
        try {
            return work.apply(rows);
        } catch (NumericException e) {
            throw new NumericException("rows " + rows.get(0).row().row().source() + " to "
                    + rows.get(rows.size() - 1).row().row().source() + ": " + e.getMessage() + "; a smaller learning rate may help");
        }
    }

    private List<double[]> likelihoods(List<TrainRow> rows, TrainedTokens trained, long answerTokens) {
        TokenBatch.Builder builder = TokenBatch.builder();
        rows.forEach(row -> builder.pack(row.row().prompt(), List.of(row.row().chosen())));
        try (TokenBatch batch = builder.build()) {
            double[] sums = trained.areAll() ? allTokens(batch, answerTokens) : markedTokens(batch, rows, trained, answerTokens);
            return Arrays.stream(sums).mapToObj(sum -> new double[] {sum}).toList();
        }
    }

    private double[] allTokens(TokenBatch batch, long answerTokens) {
        double[] sums = trainer.forward(batch);
        double[] dsums = new double[sums.length];
        Arrays.fill(dsums, -1.0 / answerTokens);
        trainer.backward(dsums);
        return sums;
    }

    private double[] markedTokens(TokenBatch batch, List<TrainRow> rows, TrainedTokens trained, long answerTokens) {
        float[][] logps = trainer.forwardTokens(batch).tokens();
        double[] sums = new double[logps.length];
        int length = rows.stream().mapToInt(row -> row.row().chosen().length).sum();
        FloatBuffer dlogps = FloatBuffer.allocate(length);
        for (int i = 0; i < logps.length; i++) {
            boolean[] marked = trained.of(rows.get(i).row());
            for (int j = 0; j < marked.length; j++) {
                sums[i] += marked[j] ? logps[i][j] : 0;
                dlogps.put(marked[j] ? (float) (-1.0 / answerTokens) : 0);
            }
        }
        trainer.backwardTokens(dlogps.array());
        return sums;
    }

    private List<RowLoss> losses(List<TrainRow> rows, Weighting weighting, int batchRows) {
        PairLayout layout = new PairLayout(rows, !referenceFree, sharePrompts);
        try (TokenBatch batch = layout.batch()) {
            Trainer.PreferenceStep step = own == null
                    ? trainer.preference(batch, layout.pairs(), objective, weighting, 1.0 / batchRows, null)
                    : ownLoss(batch, layout, weighting, batchRows);
            return RowLoss.of(rows, layout.pairs(), step);
        }
    }

    /** As the fused step, with the losses of a user's class: forward, the class, the mix by w, backward. */
    private Trainer.PreferenceStep ownLoss(TokenBatch batch, PairLayout layout, Weighting weighting, int batchRows) {
        double[] sums = trainer.forward(batch);
        PairResults results = PreferenceLoss.evaluate(
                layout.pairs().withGiven(own.losses(layout.pairs(), sums)), sums, objective, weighting, 1.0 / batchRows);
        trainer.backward(results.dsums());
        return new Trainer.PreferenceStep(sums, results);
    }

    private void collect(TrainRow row, RowLoss of, double[] features, MetaLearner meta) {
        loss += of.loss();
        weight += of.weight();
        logRatios += of.logRatios();
        answersOfPairs += row.answers().size();
        PairMeans.Answer better = answer(row.chosen(), of.chosen());
        PairMeans.Answer worse = answer(row.rejected(), of.rejected());
        means.add(better, worse);
        if (better == null || worse == null) {
            return;
        }
        scoreOffline += of.scoreOffline();
        if (objective.kind() == Objective.Kind.ADPO && Math.abs(objective.beta() * of.deltaOffline()) <= objective.threshold()) {
            asked.add(row);
        }
        if (row.hasSecond()) {
            online++;
            scoreOnline += of.scoreOnline();
            if (meta != null) {
                meta.add(of.scoreOffline(), features, of.lossOffline(), of.lossOnline());
            }
        }
    }

    private static PairMeans.Answer answer(TrainRow.First first, double sum) {
        return first.tokens() == 0 ? null : new PairMeans.Answer(sum, first.reference(), first.tokens());
    }

    /** Rows whose label the objective adpo made use of. */
    List<TrainRow> asked() {
        return asked;
    }

    double loss(int rows) {
        return loss / rows;
    }

    long tokens() {
        return tokens;
    }

    /** Fields that the recipe's loss gives; `pairs` and `meta` say which there are. */
    void write(ObjectNode line, int rows, boolean pairs, boolean meta) {
        line.put("loss", loss / rows);
        if (pairs) {
            means.write(line);
            writeDivergence(line);
        } else {
            line.put("logps_chosen", likelihoods / answers);
        }
        if (meta) {
            line.put("weight_mean", weight / rows).put("score_offline", scoreOffline / rows);
            PairMeans.put(line, "score_online", scoreOnline, online);
            line.put("online_share", (double) online / rows);
        }
    }

    /**
     * {@code kl}, an estimate of KL(policy ‖ reference) in nats an answer: the mean of log π(y|x) − log π_ref(y|x) over all answers y
     * that the step trains, before it. That is the estimator k1 of J. Schulman, "Approximating KL Divergence" (2020), and what TRL's
     * online trainers log as {@code objective/kl}. It is unbiased for answers that the policy has just written; over answers of the
     * data it says how far the policy has moved on them, and may be negative.
     */
    private void writeDivergence(ObjectNode line) {
        if (!referenceFree) {
            PairMeans.put(line, "kl", logRatios, answersOfPairs);
        }
    }
}
