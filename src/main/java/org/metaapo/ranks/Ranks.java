package org.metaapo.ranks;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.metaapo.engine.Engine;
import org.metaapo.engine.RankGroup;

/**
 * One of the processes (in tests, threads) that do a command together, as it sees all of them. Every rank makes the same calls in the
 * same order: each of {@link #gather}, {@link #broadcast}, {@link #any}, {@link #barrier} and {@link #agree} waits for all. One thread a
 * rank calls.
 */
public interface Ranks extends AutoCloseable {
    /** One process by itself: nothing is sent or waited for. */
    static Ranks single() {
        return SingleRank.INSTANCE;
    }

    /** Those that a group brings together, as one of them sees them; {@link #close} closes the group. */
    static Ranks of(RankGroup group) {
        return new GroupRanks(group);
    }

    /** Makes an engine this rank's, before anything is created on it: trainers on it then share their work. */
    void join(Engine engine);

    /** The number of this one, from 0. */
    int rank();

    /** How many there are. */
    int size();

    /** Whether this one does what is done once: it is rank 0. */
    default boolean leader() {
        return rank() == 0;
    }

    /** The number of this one among those of its machine. */
    int localRank();

    /** How many there are on its machine. */
    int localSize();

    /** The bytes that each rank gives, in the order of the ranks; they may be of any lengths. */
    List<byte[]> gather(byte[] own);

    /** The leader's bytes on every rank; what the others give is not read, and may be null. */
    byte[] broadcast(byte[] ofLeader);

    /** Whether any rank says so. */
    boolean any(boolean own);

    /** Returns when all ranks have come here. */
    void barrier();

    /**
     * Does work in which no rank waits for another, and returns on all ranks or on none: where some fail, the lowest of them throws what
     * its work threw, and all others throw a {@link org.metaapo.error.RankFailedException} of the same status.
     *
     * @param work may return another value on each rank
     */
    <T> T agree(Supplier<T> work);

    /** Has the leader do work, such as writing a file, and all learn how it went; see {@link #agree}. */
    default void lead(Runnable work) {
        agree(() -> {
            if (leader()) {
                work.run();
            }
            return null;
        });
    }

    /**
     * Does work in which ranks wait for each other by more than calls of this class, as on their engines. A failure there that not all
     * ranks know of is told to {@link #whenBroken} before anything is closed: what is on its way to others, and will never come to them,
     * would keep the memory of a GPU from being freed.
     */
    <T> T together(Supplier<T> work);

    /** Has a failure in {@link #together} that not all ranks know of heard first; it is thrown then. */
    void whenBroken(Consumer<Throwable> listener);

    /**
     * As {@link #together}, for work in which none has anything to do that may take any time, such as writing a file or asking a service: a rank that is waited for longer than this hangs. Elsewhere waits have no end.
     *
     * @throws org.metaapo.error.DeviceException naming the ranks that did not come; to be followed by {@link #abort}
     */
    <T> T within(double seconds, Supplier<T> work);

    /**
     * Whether all ranks know of a failure, as of one that {@link #agree} threw: then all may go on together. After any other failure the
     * others wait in vain, and {@link #abort} ends them.
     */
    boolean isAgreed(Throwable failure);

    /** Ends all ranks at once; those that wait for this one fail instead. */
    void abort(int status);

    /** Leaves. All do, unless they were aborted. */
    @Override
    void close();
}
