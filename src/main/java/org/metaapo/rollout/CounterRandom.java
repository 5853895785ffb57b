package org.metaapo.rollout;

/** Uniform numbers as a function of what they are for, so that a decision does not depend on the order of decisions. */
public final class CounterRandom {
    private CounterRandom() {}

    /** Uniform in [0, 1) for (seed, iteration, row). */
    public static double uniform(long seed, long iteration, long row) {
        long bits = mix(mix(mix(seed) + iteration) + row);
        return (bits >>> 11) * 0x1p-53;
    }

    /** SplitMix64's finaliser on the next Weyl step (Steele, Lea and Flood, OOPSLA 2014). */
    private static long mix(long x) {
        long z = x + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
