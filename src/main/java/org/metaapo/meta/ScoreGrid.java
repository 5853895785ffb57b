package org.metaapo.meta;

/** Scores at which a learner's curve w = h(score) is told: {@value #POINTS} of them, evenly from a lowest one to 0. */
public final class ScoreGrid {
    /** Scores of a curve. */
    public static final int POINTS = 65;

    /** The lowest score, where no lower one was met. */
    public static final double LOWEST = -2;

    private ScoreGrid() {}

    /** The i-th score of those from {@code lowest} to 0. */
    public static double at(double lowest, int i) {
        return lowest * (1 - i / (POINTS - 1.0));
    }

    /** How far down a curve goes that went to {@code lowest} before a score was met. */
    public static double reach(double lowest, double score) {
        return score < lowest ? Math.floor(score) : lowest;
    }
}
