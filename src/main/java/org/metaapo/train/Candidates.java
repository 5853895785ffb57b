package org.metaapo.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.text.Answer;

/**
 * The candidates of one prompt: answers, their tokens, and what the source of rewards says of them. Best and worst are the first
 * of the largest and of the smallest reward.
 */
final class Candidates {
    /**
     * An answer.
     *
     * @param tokens ids
     * @param answer what is ranked
     * @param finish "stop", "length" where the answer was cut, or "data" for an answer of the row's own
     * @param logp log-prob sum as it was generated; NaN for an answer of the row's own
     */
    record Candidate(int[] tokens, Answer answer, String finish, double logp) {}

    private final List<Candidate> all = new ArrayList<>();
    private double[] rewards;

    void add(Candidate candidate) {
        all.add(candidate);
    }

    List<Candidate> all() {
        return all;
    }

    void rewards(double[] values) {
        rewards = values;
    }

    double[] rewards() {
        return rewards;
    }

    int best() {
        return extreme(1);
    }

    int worst() {
        return extreme(-1);
    }

    /** Of the candidates that have a reward. */
    private int extreme(int sign) {
        int at = -1;
        for (int i = 0; i < rewards.length; i++) {
            if (!Double.isNaN(rewards[i]) && (at < 0 || sign * rewards[i] > sign * rewards[at])) {
                at = i;
            }
        }
        return at;
    }

    /** Whether two candidates or more have a reward. */
    boolean isRanked() {
        return Arrays.stream(rewards).filter(reward -> !Double.isNaN(reward)).count() > 1;
    }

    /** Whether best and worst are no pair: equal rewards, answers or tokens. */
    boolean isTie() {
        Candidate best = all.get(best());
        Candidate worst = all.get(worst());
        return rewards[best()] == rewards[worst()] || best.answer().equals(worst.answer()) || Arrays.equals(best.tokens(), worst.tokens());
    }

    /**
     * SPPO's estimate of P(candidate i wins against the policy), arXiv 2405.00675 algorithm 1: the mean of P(i beats j) over all
     * candidates j with a reward, i among them; by Bradley and Terry P(i beats j) = σ(r_i − r_j).
     */
    double winProbability(int i) {
        return Arrays.stream(rewards).filter(other -> !Double.isNaN(other)).map(other -> 1 / (1 + Math.exp(other - rewards[i])))
                .average().orElseThrow();
    }

    /** Best against worst, as a rollout wants it. */
    TrainRow.MadePair pair(Rollout rollout) {
        int best = best();
        int worst = worst();
        int role = -1;
        int[] explored = null;
        if (rollout.explored() >= 0) {
            role = rollout.explored() == best ? 0 : rollout.explored() == worst ? 1 : 2;
            explored = role == 2 ? all.get(rollout.explored()).tokens() : null;
        }
        double[] wins = rollout.wins() ? new double[] {winProbability(best), winProbability(worst)} : null;
        return new TrainRow.MadePair(all.get(best).tokens(), all.get(worst).tokens(), explored, role, wins, null);
    }
}
