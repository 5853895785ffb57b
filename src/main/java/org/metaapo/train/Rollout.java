package org.metaapo.train;

import org.metaapo.rollout.Decision;

/**
 * How a recipe makes new pairs. Candidates of a prompt are the policy's answers, then the reference's, then the row's own two;
 * the source of rewards ranks them, the best is chosen, the worst rejected.
 *
 * @param decision which prompts get candidates
 * @param answers that the policy writes
 * @param greedy whether the policy takes the likeliest tokens instead of sampling
 * @param referenceAnswers that the reference samples
 * @param ownAnswers whether the row's own two answers are candidates
 * @param explored number of the candidate that carries the loss's exploration term; -1 for none
 * @param wins whether a pair carries the win probabilities of its answers
 * @param keepsOwnPair whether the row's own pair is trained beside the new one
 */
record Rollout(
        Decision decision,
        int answers,
        boolean greedy,
        int referenceAnswers,
        boolean ownAnswers,
        int explored,
        boolean wins,
        boolean keepsOwnPair) {
    /** MetaAPO: the policy samples where it agrees little with the row's pair, and both pairs are trained. */
    static Rollout besideOwnPair(Decision decision, int answers) {
        return new Rollout(decision, answers, false, 0, false, -1, false, true);
    }

    /** Online and iterative DPO: the policy samples for every prompt, and its pairs alone are trained. */
    static Rollout policyAlone(int answers, boolean wins) {
        return new Rollout(Decision.ALL, answers, false, 0, false, -1, wins, false);
    }

    /** SELM: the greedy answer joins the row's two. */
    static Rollout greedyAmongOwn() {
        return new Rollout(Decision.ALL, 1, true, 0, true, 0, false, false);
    }

    /** XPO: one answer of the policy against one of the reference, which is the one to explore around. */
    static Rollout policyAgainstReference() {
        return new Rollout(Decision.ALL, 1, false, 1, false, 1, false, false);
    }

    /** Whether the decision looks at how far the policy agrees with the row's pair. */
    boolean scoresOwnPair() {
        return keepsOwnPair;
    }

    /** Whether a row must have two answers of its own. */
    boolean needsOwnPair() {
        return keepsOwnPair || ownAnswers;
    }
}
