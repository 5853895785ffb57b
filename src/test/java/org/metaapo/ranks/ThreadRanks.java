package org.metaapo.ranks;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.metaapo.engine.RankGroup;

/** Ranks that are threads of this process, over the engine's own collectives. */
public final class ThreadRanks {
    private ThreadRanks() {}

    /**
     * What a rank came to.
     *
     * @param value of its work; null where that failed
     * @param failure null where the work was done
     */
    public record Outcome<T>(T value, Throwable failure) {}

    /** Runs work on each of {@code size} ranks; outcomes in the order of ranks. A rank that fails by itself ends the others. */
    public static <T> List<Outcome<T>> outcomes(int size, Function<Ranks, T> work) {
        List<RankGroup> groups = RankGroup.ofThreads(size);
        List<Outcome<T>> outcomes = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int rank = 0; rank < size; rank++) {
            outcomes.add(null);
            int number = rank;
            Thread thread = new Thread(() -> outcomes.set(number, run(groups.get(number), work)), "rank-" + rank);
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
        groups.forEach(RankGroup::close);
        return outcomes;
    }

    private static <T> Outcome<T> run(RankGroup group, Function<Ranks, T> work) {
        Ranks ranks = Ranks.of(group);
        try {
            return new Outcome<>(work.apply(ranks), null);
        } catch (Throwable failure) {
            if (!ranks.isAgreed(failure)) {
                ranks.abort(1);
            }
            return new Outcome<>(null, failure);
        }
    }

    /** The values of work that no rank fails at. */
    public static <T> List<T> run(int size, Function<Ranks, T> work) {
        List<T> values = new ArrayList<>();
        for (Outcome<T> outcome : outcomes(size, work)) {
            if (outcome.failure() != null) {
                throw new AssertionError("rank " + values.size() + " failed", outcome.failure());
            }
            values.add(outcome.value());
        }
        return values;
    }
}
