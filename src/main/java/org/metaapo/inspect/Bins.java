package org.metaapo.inspect;

import java.util.Collection;

/**
 * Bins of a histogram, shared by several distributions: bin i is [first + i·width, first + (i+1)·width), the last one open.
 *
 * @param first lower edge of the first bin
 * @param width of a bin, 1, 2 or 5 times a power of ten
 * @param count of bins, the open one included
 */
record Bins(int first, int width, int count) {
    /** About {@code wanted} bins over all values; what lies far out (beyond twice the 99 % point) falls into the last. */
    static Bins over(Collection<Lengths> all, int wanted) {
        int low = Integer.MAX_VALUE;
        int high = 0;
        for (Lengths lengths : all) {
            if (lengths.count() > 0) {
                low = Math.min(low, lengths.min());
                high = Math.max(high, (int) Math.min(lengths.max(), 2L * lengths.quantile(0.99)));
            }
        }
        if (low > high) {
            return new Bins(0, 1, 1);
        }
        int width = niceWidth((double) (high - low + 1) / wanted);
        int first = Math.floorDiv(low, width) * width;
        return new Bins(first, width, (high - first) / width + 1);
    }

    private static int niceWidth(double least) {
        long scale = 1;
        while (true) {
            for (int step : new int[] {1, 2, 5}) {
                if (step * scale >= least) {
                    return (int) Math.min(Integer.MAX_VALUE / 2, step * scale);
                }
            }
            scale *= 10;
        }
    }

    /** How many values of a distribution lie in each bin. */
    long[] counts(Lengths lengths) {
        long[] counts = new long[count];
        for (int i = 0; i < count; i++) {
            counts[i] = lengths.between(from(i), i == count - 1 ? Integer.MAX_VALUE : from(i + 1));
        }
        return counts;
    }

    /** Lower edge of a bin. */
    int from(int bin) {
        return first + bin * width;
    }

    /** The values of a bin, such as "20–29"; with a "+" where the last bin holds more than its width. */
    String label(int bin, int max) {
        int from = from(bin);
        int to = from + width - 1;
        if (bin == count - 1 && max > to) {
            return from + "+";
        }
        return width == 1 ? Integer.toString(from) : from + "–" + to;
    }
}
