package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Trainer;
import org.metaapo.engine.Weighting;
import org.metaapo.error.NumericException;
import org.metaapo.meta.MetaLearner;

/** Gradients of one batch, micro-batch by micro-batch, and what its line of metrics says. */
final class Step {
    private final Trainer trainer;
    private final Objective objective;
    private final OwnObjective own;
    private final boolean referenceFree;
    private final boolean sharePrompts;
    private final long microTokens;

    /** Sums over the batch's rows, and of how many. */
    private final PairMeans means;
    private double loss;
    private double likelihoods;
    private double weight;
    private double scoreOffline;
    private double scoreOnline;
    private int answers;
    private int online;
    private long tokens;
    private final List<TrainRow> asked = new ArrayList<>();

    /** {@code means} gathers what is said of the rows' pairs; {@code own} is the user's objective, or null. */
    Step(
            Trainer trainer, Objective objective, OwnObjective own, PairMeans means, boolean referenceFree, boolean sharePrompts,
            long microTokens) {
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
        for (List<TrainRow> micro : split(rows)) {
            preferenceMicro(micro, weighting.apply(micro), meta, rows.size());
        }
    }

    /** The mean negative log-likelihood of the answers' tokens that are trained on. */
    void likelihood(List<TrainRow> rows, TrainedTokens trained) {
        long answerTokens = rows.stream().mapToLong(row -> trained.count(row.row())).sum();
        for (List<TrainRow> micro : split(rows)) {
            TokenBatch.Builder builder = TokenBatch.builder();
            micro.forEach(row -> builder.pack(row.row().prompt(), List.of(row.row().chosen())));
            try (TokenBatch batch = builder.build()) {
                double[] sums = trained.areAll() ? allTokens(batch, answerTokens) : markedTokens(batch, micro, trained, answerTokens);
                for (double sum : sums) {
                    loss -= sum / answerTokens * rows.size();
                    likelihoods += sum;
                    answers++;
                }
                tokens += batch.tokens();
            } catch (NumericException e) {
                throw inRows(micro, e);
            }
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

    private List<List<TrainRow>> split(List<TrainRow> rows) {
        List<List<TrainRow>> parts = new ArrayList<>();
        long filled = 0;
        for (TrainRow row : rows) {
            long size = row.tokens(sharePrompts);
            if (parts.isEmpty() || filled + size > microTokens) {
                parts.add(new ArrayList<>());
                filled = 0;
            }
            parts.get(parts.size() - 1).add(row);
            filled += size;
        }
        return parts;
    }

    private void preferenceMicro(List<TrainRow> rows, Weighting weighting, MetaLearner meta, int batchRows) {
        PairLayout layout = new PairLayout(rows, !referenceFree, sharePrompts);
        try (TokenBatch batch = layout.batch()) {
            Trainer.PreferenceStep step = own == null
                    ? trainer.preference(batch, layout.pairs(), objective, weighting, 1.0 / batchRows, null)
                    : ownLoss(batch, layout, weighting, batchRows);
            collect(step, layout, rows, weighting, meta);
            tokens += batch.tokens();
        } catch (NumericException e) {
            throw inRows(rows, e);
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

    private static NumericException inRows(List<TrainRow> rows, NumericException e) {
        return new NumericException("rows " + rows.get(0).row().row().source() + " to "
                + rows.get(rows.size() - 1).row().row().source() + ": " + e.getMessage() + "; a smaller learning rate may help");
    }

    private void collect(Trainer.PreferenceStep step, PairLayout layout, List<TrainRow> rows, Weighting weighting, MetaLearner meta) {
        PairResults r = step.results();
        Pairs pairs = layout.pairs();
        for (int i = 0; i < pairs.rows(); i++) {
            loss += r.loss()[i];
            weight += r.weight()[i];
            int c = pairs.chosen()[i];
            int j = pairs.rejected()[i];
            means.add(answer(pairs, step.sums(), c), answer(pairs, step.sums(), j));
            if (c < 0 || j < 0) {
                continue;
            }
            scoreOffline += r.scoreOffline()[i];
            if (objective.kind() == Objective.Kind.ADPO && Math.abs(objective.beta() * r.deltaOffline()[i]) <= objective.threshold()) {
                asked.add(rows.get(i));
            }
            if (pairs.onlineChosen()[i] >= 0) {
                online++;
                scoreOnline += r.scoreOnline()[i];
                if (meta != null) {
                    meta.add(r.scoreOffline()[i], weighting.featuresOfRow(i), r.lossOffline()[i], r.lossOnline()[i]);
                }
            }
        }
    }

    private static PairMeans.Answer answer(Pairs pairs, double[] sums, int at) {
        double[] reference = pairs.referenceSums();
        return at < 0 ? null : new PairMeans.Answer(sums[at], reference == null ? 0 : reference[at], pairs.tokenCounts()[at]);
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
        } else {
            line.put("logps_chosen", likelihoods / answers);
        }
        if (meta) {
            line.put("weight_mean", weight / rows).put("score_offline", scoreOffline / rows);
            PairMeans.put(line, "score_online", scoreOnline, online);
            line.put("online_share", (double) online / rows);
        }
    }
}
