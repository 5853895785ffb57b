package org.metaapo.data;

import java.util.SplittableRandom;

/** The order of rows in an epoch: a permutation from (seed, epoch) alone, so that a resumed run finds its place again. */
public final class Shuffle {
    private Shuffle() {}

    /** A permutation of 0 … n-1; the identity where {@code shuffle} is false. */
    public static int[] order(int n, long seed, long epoch, boolean shuffle) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            order[i] = i;
        }
        if (shuffle) {
            SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + epoch);
            for (int i = n - 1; i > 0; i--) {
                int j = random.nextInt(i + 1);
                int swap = order[i];
                order[i] = order[j];
                order[j] = swap;
            }
        }
        return order;
    }
}
