package org.metaapo.compare;

import java.util.Arrays;
import org.metaapo.statistics.Wins;

/**
 * What a policy's answers to held-out prompts are worth. Arrays are indexed by prompt and answer.
 *
 * @param identity what decides the numbers beside the policy: prompts, seed, lengths, source of rewards
 * @param gold gold rewards; null where the world has none
 * @param reward rewards by the suite's source
 * @param logRatio log π(y) − log π_start(y) of the answers, summed over tokens; its mean estimates the KL divergence from the start
 * @param tokens answer lengths
 * @param texts the answers
 */
record Evaluation(String identity, double[][] gold, double[][] reward, double[][] logRatio, int[][] tokens, String[][] texts) {
    /** What methods are compared by: the gold reward, or the source's where there is none. */
    double[][] measure() {
        return gold == null ? reward : gold;
    }

    /** Each prompt's mean over its answers. */
    static double[] means(double[][] values) {
        return Arrays.stream(values).mapToDouble(answers -> Arrays.stream(answers).average().orElseThrow()).toArray();
    }

    /** Each prompt's mean answer length. */
    double[] lengths() {
        return Arrays.stream(tokens).mapToDouble(answers -> Arrays.stream(answers).average().orElseThrow()).toArray();
    }

    /** For each prompt, how probably an answer is better than one of {@code other}; equal ones count half. */
    double[] wins(Evaluation other) {
        double[][] mine = measure();
        double[][] theirs = other.measure();
        double[] wins = new double[mine.length];
        for (int i = 0; i < wins.length; i++) {
            double sum = 0;
            for (double a : mine[i]) {
                for (double b : theirs[i]) {
                    sum += Wins.outcome(a, b);
                }
            }
            wins[i] = sum / (mine[i].length * theirs[i].length);
        }
        return wins;
    }
}
