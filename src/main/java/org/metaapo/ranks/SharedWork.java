package org.metaapo.ranks;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;

/**
 * Work on pieces, of which each rank does its share, and all have the results of all in the order of the pieces. Which rank does what
 * follows from the arguments alone, so that every rank knows.
 */
public final class SharedWork {
    private SharedWork() {}

    /** The numbers of {@code pieces} that each rank does: piece i is rank i mod R's. */
    public static int[][] inTurn(int pieces, int ranks) {
        return IntStream.range(0, ranks)
                .mapToObj(rank -> IntStream.range(0, pieces).filter(i -> i % ranks == rank).toArray())
                .toArray(int[][]::new);
    }

    /** As {@link #inTurn}, where pieces are of unequal sizes: the largest first, each to the rank that has least; a rank's are in order. */
    public static int[][] bySize(long[] sizes, int ranks) {
        long[] loads = new long[ranks];
        int[] rankOf = new int[sizes.length];
        IntStream.range(0, sizes.length).boxed()
                .sorted(Comparator.comparingLong((Integer i) -> -sizes[i]).thenComparing(i -> i))
                .forEach(i -> {
                    int emptiest = IntStream.range(0, ranks).boxed().min(Comparator.comparingLong(rank -> loads[rank])).orElseThrow();
                    loads[emptiest] += sizes[i];
                    rankOf[i] = emptiest;
                });
        return IntStream.range(0, ranks)
                .mapToObj(rank -> IntStream.range(0, sizes.length).filter(i -> rankOf[i] == rank).toArray())
                .toArray(int[][]::new);
    }

    /**
     * Has each rank do its share, in which none waits for another.
     *
     * @param shares numbers of the pieces of each rank
     * @param work the results of the pieces with these numbers, in order
     * @return of all pieces, in order
     */
    public static <T> List<T> results(Ranks ranks, int[][] shares, Codec<T> codec, Function<int[], List<T>> work) {
        return gather(ranks, shares, codec, ranks.agree(() -> work.apply(shares[ranks.rank()])));
    }

    /** As {@link #results}, where ranks wait for each other in their work, as in calls on weights that they share out: a failure ends all. */
    public static <T> List<T> together(Ranks ranks, int[][] shares, Codec<T> codec, Function<int[], List<T>> work) {
        return gather(ranks, shares, codec, ranks.together(() -> work.apply(shares[ranks.rank()])));
    }

    /**
     * Has each rank do its share of many pieces, group by group, and adds the results from the {@code results.size()}-th piece on. They
     * are added before {@code done} hears of them; those that are there after a failure are a beginning to go on from.
     *
     * @param waits whether ranks wait for each other in their work; see {@link #together}
     * @param group pieces of a rank at once
     * @param size how much work a piece is
     * @param work the results of pieces, of which there may be none, in order
     * @param done hears how many pieces are finished
     */
    public static <P, T> void inGroups(
            Ranks ranks, boolean waits, List<P> pieces, int group, ToLongFunction<P> size, Codec<T> codec, Function<List<P>, List<T>> work,
            List<T> results, LongConsumer done) {
        int together = group * ranks.size();
        for (int from = results.size(); from < pieces.size(); from += together) {
            // A copy: a view may read a piece whenever it is asked for.
            List<P> part = List.copyOf(pieces.subList(from, Math.min(pieces.size(), from + together)));
            int[][] shares = bySize(part.stream().mapToLong(size).toArray(), ranks.size());
            Function<int[], List<T>> own = mine -> work.apply(Arrays.stream(mine).mapToObj(part::get).toList());
            results.addAll(waits ? together(ranks, shares, codec, own) : results(ranks, shares, codec, own));
            ranks.agree(() -> {
                done.accept(results.size());
                return null;
            });
        }
    }

    /** The results of all pieces, where each rank brings its {@code own}. */
    public static <T> List<T> gather(Ranks ranks, int[][] shares, Codec<T> codec, List<T> own) {
        List<T> all = new ArrayList<>(Collections.nCopies(Arrays.stream(shares).mapToInt(share -> share.length).sum(), null));
        if (ranks.size() == 1) {
            place(all, shares[0], own);
            return all;
        }
        List<byte[]> gathered = ranks.gather(written(codec, own));
        for (int rank = 0; rank < shares.length; rank++) {
            place(all, shares[rank], rank == ranks.rank() ? own : read(codec, gathered.get(rank), shares[rank].length));
        }
        return all;
    }

    private static <T> void place(List<T> all, int[] share, List<T> results) {
        for (int i = 0; i < share.length; i++) {
            all.set(share[i], results.get(i));
        }
    }

    /** What the leader's work gives, on all ranks; the others do nothing. */
    public static <T> T ofLeader(Ranks ranks, Codec<T> codec, Supplier<T> work) {
        T result = ranks.agree(() -> ranks.leader() ? work.get() : null);
        if (ranks.size() == 1) {
            return result;
        }
        byte[] bytes = ranks.broadcast(ranks.leader() ? written(codec, List.of(result)) : null);
        return ranks.leader() ? result : read(codec, bytes, 1).get(0);
    }

    /** The least of what the ranks have. */
    public static double least(Ranks ranks, double own) {
        return ranks.gather(ByteBuffer.allocate(Double.BYTES).putDouble(own).array()).stream()
                .mapToDouble(bytes -> ByteBuffer.wrap(bytes).getDouble()).min().orElseThrow();
    }

    private static <T> byte[] written(Codec<T> codec, List<T> values) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            for (T value : values) {
                codec.write(value, out);
            }
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return bytes.toByteArray();
    }

    private static <T> List<T> read(Codec<T> codec, byte[] bytes, int count) {
        List<T> values = new ArrayList<>();
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            for (int i = 0; i < count; i++) {
                values.add(codec.read(in));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return values;
    }
}
