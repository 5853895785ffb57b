package org.metaapo.benchmarks;

import java.util.Arrays;
import org.metaapo.engine.Pairs;

/** Offline pairs of answers 2i and 2i + 1. */
final class PairRows {
    private PairRows() {}

    /** {@code rows} pairs; reference sums -60, 64 tokens an answer. */
    static Pairs of(int rows) {
        int[] chosen = new int[rows];
        int[] rejected = new int[rows];
        Arrays.setAll(chosen, i -> 2 * i);
        Arrays.setAll(rejected, i -> 2 * i + 1);
        double[] reference = new double[2 * rows];
        int[] counts = new int[2 * rows];
        Arrays.fill(reference, -60);
        Arrays.fill(counts, 64);
        return new Pairs(chosen, rejected, null, null, reference, counts);
    }

    /** Log-prob sums to go with them. */
    static double[] sums(int rows) {
        double[] sums = new double[2 * rows];
        Arrays.setAll(sums, i -> -60 + Math.sin(i));
        return sums;
    }
}
