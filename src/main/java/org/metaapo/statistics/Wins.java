package org.metaapo.statistics;

/** Outcomes of comparisons by a number, the larger the better. */
public final class Wins {
    private Wins() {}

    /** 1 where it is larger than the other, ½ where they are equal, 0 where it is smaller. */
    public static double outcome(double value, double other) {
        return value > other ? 1 : value == other ? 0.5 : 0;
    }
}
