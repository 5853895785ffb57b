package org.metaapo.data;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which rows an epoch has, and in which order: a function of sizes, weights, seed and epoch alone, so that (epoch, number in the
 * epoch) is a cursor that a resumed run goes on from.
 *
 * <p>Without weights an epoch is every row once. With weights it has as many rows, but each source its share of them; a source's
 * rows come in turn, epoch after epoch, so that a row is repeated only after all of its source have come up.
 */
public final class Mixture {
    private final int[] ends;
    private final int[] counts;
    private final long seed;
    private final boolean shuffle;

    /**
     * A mixture.
     *
     * @param ends number of rows up to the end of each source
     * @param weights share of each source, in any unit; empty for none
     */
    public Mixture(List<Integer> ends, List<Double> weights, long seed, boolean shuffle) {
        this.ends = ends.stream().mapToInt(Integer::intValue).toArray();
        this.seed = seed;
        this.shuffle = shuffle;
        this.counts = weights.isEmpty() ? null : counts(weights);
    }

    /** Rows of each source in an epoch: the whole parts of the shares, and one more for those with the largest rest. */
    private int[] counts(List<Double> weights) {
        int rows = rows();
        double all = weights.stream().mapToDouble(Double::doubleValue).sum();
        double[] shares = weights.stream().mapToDouble(weight -> rows * weight / all).toArray();
        int[] result = Arrays.stream(shares).mapToInt(share -> (int) share).toArray();
        int missing = rows - Arrays.stream(result).sum();
        IntStream.range(0, shares.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> result[i] - shares[i]))
                .limit(missing)
                .forEach(i -> result[i]++);
        return result;
    }

    /** Rows of an epoch. */
    public int rows() {
        return ends.length == 0 ? 0 : ends[ends.length - 1];
    }

    /** The rows of an epoch, by their numbers among all rows. */
    public int[] order(long epoch) {
        if (counts == null) {
            return Shuffle.order(rows(), seed, epoch, shuffle);
        }
        int n = rows();
        int[] picked = new int[n];
        double[] times = new double[n];
        int at = 0;
        for (int source = 0; source < ends.length; source++) {
            int first = source == 0 ? 0 : ends[source - 1];
            int size = ends[source] - first;
            for (int i = 0; i < counts[source]; i++) {
                times[at] = (i + 0.5) / counts[source];
                picked[at++] = first;
            }
            turn(picked, at - counts[source], counts[source], size, epoch, source);
        }
        int[] order = shuffle
                ? Shuffle.order(n, seed, epoch, true)
                : IntStream.range(0, n).boxed().sorted(Comparator.comparingDouble(i -> times[i])).mapToInt(i -> i).toArray();
        return Arrays.stream(order).map(i -> picked[i]).toArray();
    }

    /** Adds the numbers within a source: its turn goes on where the epoch before left off. */
    private void turn(int[] picked, int from, int count, int size, long epoch, int source) {
        long start = epoch * count;
        long pass = -1;
        int[] order = null;
        for (int i = 0; i < count; i++) {
            if ((start + i) / size != pass) {
                pass = (start + i) / size;
                // Streams of their own, apart from the epoch's.
                order = Shuffle.order(size, seed * 31 + source + 1, pass, shuffle);
            }
            picked[from + i] += order[(int) ((start + i) % size)];
        }
    }
}
