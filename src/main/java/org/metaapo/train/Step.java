package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Trainer;
import org.metaapo.engine.Weighting;
import org.metaapo.error.NumericException;
import org.metaapo.meta.MetaLearner;

/** Gradients of one batch, micro-batch by micro-batch, and what its line of metrics says. */
final class Step {
    private final Trainer trainer;
    private final Objective objective;
    private final boolean referenceFree;
    private final boolean sharePrompts;
    private final long microTokens;

    /** Sums over the batch's rows. */
    private double loss;
    private double chosen;
    private double rejected;
    private double rewardChosen;
    private double rewardRejected;
    private double accurate;
    private double weight;
    private double scoreOffline;
    private double scoreOnline;
    private int online;
    private long tokens;

    Step(Trainer trainer, Objective objective, boolean referenceFree, boolean sharePrompts, long microTokens) {
        this.trainer = trainer;
        this.objective = objective;
        this.referenceFree = referenceFree;
        this.sharePrompts = sharePrompts;
        this.microTokens = microTokens;
    }

    /** The preference loss of rows; rows with both pairs go to the meta-learner's buffer, where there is one. */
    void preference(List<TrainRow> rows, Weighting weighting, MetaLearner meta) {
        for (List<TrainRow> micro : split(rows)) {
            preferenceMicro(micro, weighting, meta, rows.size());
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
                    chosen += sum;
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
        int n = rows.size();
        int[] chosenAt = new int[n];
        int[] rejectedAt = new int[n];
        int[] onlineChosenAt = new int[n];
        int[] onlineRejectedAt = new int[n];
        List<Double> references = new ArrayList<>();
        TokenBatch.Builder builder = TokenBatch.builder();
        for (int i = 0; i < n; i++) {
            TrainRow row = rows.get(i);
            List<int[]> answers = new ArrayList<>(List.of(row.row().chosen(), row.row().rejected()));
            if (row.online() != null) {
                answers.add(row.online().chosen());
                answers.add(row.online().rejected());
            }
            int first = pack(builder, row.row().prompt(), answers);
            chosenAt[i] = first;
            rejectedAt[i] = first + 1;
            onlineChosenAt[i] = row.online() == null ? -1 : first + 2;
            onlineRejectedAt[i] = row.online() == null ? -1 : first + 3;
            if (!referenceFree) {
                addAll(references, row.reference());
                if (row.online() != null) {
                    addAll(references, row.online().reference());
                }
            }
        }
        double[] reference = referenceFree ? null : references.stream().mapToDouble(Double::doubleValue).toArray();
        Pairs pairs = new Pairs(chosenAt, rejectedAt, onlineChosenAt, onlineRejectedAt, reference, null);
        try (TokenBatch batch = builder.build()) {
            Trainer.PreferenceStep step = trainer.preference(batch, pairs, objective, weighting, 1.0 / batchRows, null);
            collect(step, pairs, reference, meta);
            tokens += batch.tokens();
        } catch (NumericException e) {
            throw inRows(rows, e);
        }
    }

    private static NumericException inRows(List<TrainRow> rows, NumericException e) {
        return new NumericException("rows " + rows.get(0).row().row().source() + " to "
                + rows.get(rows.size() - 1).row().row().source() + ": " + e.getMessage() + "; a smaller learning rate may help");
    }

    private int pack(TokenBatch.Builder builder, int[] prompt, List<int[]> answers) {
        if (sharePrompts) {
            return builder.pack(prompt, answers);
        }
        int first = builder.pack(prompt, List.of(answers.get(0)));
        answers.subList(1, answers.size()).forEach(answer -> builder.pack(prompt, List.of(answer)));
        return first;
    }

    private static void addAll(List<Double> list, double[] values) {
        for (double value : values) {
            list.add(value);
        }
    }

    private void collect(Trainer.PreferenceStep step, Pairs pairs, double[] reference, MetaLearner meta) {
        PairResults r = step.results();
        for (int i = 0; i < pairs.rows(); i++) {
            int c = pairs.chosen()[i];
            int j = pairs.rejected()[i];
            loss += r.loss()[i];
            chosen += step.sums()[c];
            rejected += step.sums()[j];
            rewardChosen += objective.beta() * (step.sums()[c] - (reference == null ? 0 : reference[c]));
            rewardRejected += objective.beta() * (step.sums()[j] - (reference == null ? 0 : reference[j]));
            accurate += r.deltaOffline()[i] > 0 ? 1 : 0;
            weight += r.weight()[i];
            scoreOffline += r.scoreOffline()[i];
            if (pairs.onlineChosen()[i] >= 0) {
                online++;
                scoreOnline += r.scoreOnline()[i];
                if (meta != null) {
                    meta.add(r.scoreOffline()[i], null, r.lossOffline()[i], r.lossOnline()[i]);
                }
            }
        }
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
        line.put("logps_chosen", chosen / rows);
        if (pairs) {
            line.put("logps_rejected", rejected / rows);
            line.put("rewards_chosen", rewardChosen / rows).put("rewards_rejected", rewardRejected / rows);
            line.put("rewards_margin", (rewardChosen - rewardRejected) / rows).put("accuracy", accurate / rows);
        }
        if (meta) {
            line.put("weight_mean", weight / rows).put("score_offline", scoreOffline / rows);
            if (online > 0) {
                line.put("score_online", scoreOnline / online);
            } else {
                line.putNull("score_online");
            }
            line.put("online_share", (double) online / rows);
        }
    }
}
