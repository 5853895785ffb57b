package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.metaapo.engine.Objective;

/**
 * What a line of metrics says of rows' own pairs, in steps and on held-out rows alike: means of log-probs ({@link Objective#logp})
 * and implicit rewards ({@link Objective#reward}), the rewards' margin, and how often the better answer has the larger one. A reward
 * model has neither: its lines have the scores it gives.
 */
final class PairMeans {
    private final Objective objective;
    private final boolean scores;

    private double chosen;
    private double rejected;
    private double rewardChosen;
    private double rewardRejected;
    private int chosenRows;
    private int rejectedRows;
    private int accurate;
    private int pairs;

    /** {@code scores} says that the sums are a reward model's scores. */
    PairMeans(Objective objective, boolean scores) {
        this.objective = objective;
        this.scores = scores;
    }

    /**
     * An answer's numbers.
     *
     * @param sum log-prob sum under the policy, or the score of a reward model
     * @param reference log-prob sum under the reference; 0 where there is none
     * @param tokens of the answer
     */
    record Answer(double sum, double reference, int tokens) {}

    /** Adds a row; an answer that it has not is null. */
    void add(Answer better, Answer worse) {
        double high = better == null ? Double.NaN : objective.reward(better.sum(), better.reference(), better.tokens());
        double low = worse == null ? Double.NaN : objective.reward(worse.sum(), worse.reference(), worse.tokens());
        if (better != null) {
            chosenRows++;
            chosen += objective.logp(better.sum(), better.tokens());
            rewardChosen += high;
        }
        if (worse != null) {
            rejectedRows++;
            rejected += objective.logp(worse.sum(), worse.tokens());
            rewardRejected += low;
        }
        if (better != null && worse != null) {
            pairs++;
            accurate += high > low ? 1 : 0;
        }
    }

    void write(ObjectNode line) {
        if (!scores) {
            put(line, "logps_chosen", chosen, chosenRows);
            put(line, "logps_rejected", rejected, rejectedRows);
        }
        String name = scores ? "score" : "rewards";
        put(line, name + "_chosen", rewardChosen, chosenRows);
        put(line, name + "_rejected", rewardRejected, rejectedRows);
        put(line, name + "_margin", rewardChosen / chosenRows - rewardRejected / rejectedRows, Math.min(1, chosenRows * rejectedRows));
        put(line, "accuracy", accurate, pairs);
    }

    /** A mean; null where there is nothing to take it of, as in a batch of unpaired data without a bad answer. */
    static void put(ObjectNode line, String name, double sum, int count) {
        if (count > 0) {
            line.put(name, sum / count);
        } else {
            line.putNull(name);
        }
    }
}
