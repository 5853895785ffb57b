package org.metaapo.inspect;

import java.util.Map;
import java.util.TreeMap;

/** A distribution of token counts, exact, in memory that grows with the number of different lengths only. */
final class Lengths {
    private final TreeMap<Integer, Long> counts = new TreeMap<>();
    private long count;
    private double sum;

    void add(int length) {
        counts.merge(length, 1L, Long::sum);
        count++;
        sum += length;
    }

    long count() {
        return count;
    }

    double mean() {
        return count == 0 ? Double.NaN : sum / count;
    }

    int min() {
        return counts.firstKey();
    }

    int max() {
        return counts.lastKey();
    }

    /** The smallest length that at least a share {@code q} of all does not exceed (nearest rank). */
    int quantile(double q) {
        long rank = Math.max(1, (long) Math.ceil(q * count));
        long seen = 0;
        for (Map.Entry<Integer, Long> entry : counts.entrySet()) {
            seen += entry.getValue();
            if (seen >= rank) {
                return entry.getKey();
            }
        }
        return counts.lastKey();
    }

    /** How many lie in [from, to). */
    long between(int from, int to) {
        return from >= to
                ? 0
                : counts.subMap(from, to).values().stream()
                        .mapToLong(Long::longValue)
                        .sum();
    }
}
