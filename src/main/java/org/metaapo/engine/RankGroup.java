package org.metaapo.engine;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_ranks;
import org.metaapo.engine.internal.apo_ranks_info;

/**
 * One rank's connection to the others, which engines join. Every rank makes the same calls in the same order; each waits for the others.
 * One thread calls, but for {@link #abort}.
 */
public final class RankGroup extends NativeHandle {
    private final apo_ranks handle;
    private final Info info;

    private RankGroup(apo_ranks handle) {
        super(null);
        this.handle = handle;
        try (apo_ranks_info found = new apo_ranks_info()) {
            Native.check(error -> MetaapoC.apo_ranks_info_of(handle, found, error));
            info = new Info(found.rank(), found.size(), found.local_rank(), found.local_size(), Native.text(found.transport()));
        }
        register();
    }

    /**
     * Which rank this is.
     *
     * @param rank from 0
     * @param size how many there are
     * @param localRank among the ranks of this machine
     * @param localSize how many there are on this machine
     * @param transport what brings them together, such as "Open MPI 4.1.4"
     */
    public record Info(int rank, int size, int localRank, int localSize, String transport) {}

    /** Ranks for as many threads of this process. One that is closed or aborted fails the calls of the others. */
    public static List<RankGroup> ofThreads(int size) {
        Engine.load();
        try (PointerPointer<apo_ranks> all = new PointerPointer<>(size)) {
            Native.check(error -> MetaapoC.apo_ranks_open_local(size, all, error));
            List<RankGroup> groups = new ArrayList<>();
            for (int rank = 0; rank < size; rank++) {
                groups.add(new RankGroup(all.get(apo_ranks.class, rank)));
            }
            return groups;
        }
    }

    /** Which rank this is. */
    public Info info() {
        return info;
    }

    /** Waits for all ranks. */
    public void barrier() {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_ranks_barrier(handle, error));
    }

    /** What each rank sends, in the order of ranks; all send equally many bytes. */
    public byte[][] gather(byte[] own) {
        ensureOpen();
        try (BytePointer send = new BytePointer(Math.max(1, own.length));
                BytePointer receive = new BytePointer(Math.max(1L, (long) own.length * info.size()))) {
            send.put(own);
            Native.check(error -> MetaapoC.apo_ranks_gather(handle, send, own.length, receive, error));
            byte[][] all = new byte[info.size()][own.length];
            for (int rank = 0; rank < all.length; rank++) {
                receive.position((long) rank * own.length).get(all[rank]);
            }
            return all;
        }
    }

    /** The bytes of rank {@code root}, which all have room for. */
    public byte[] broadcast(byte[] data, int root) {
        ensureOpen();
        try (BytePointer pointer = new BytePointer(Math.max(1, data.length))) {
            pointer.put(data);
            Native.check(error -> MetaapoC.apo_ranks_broadcast(handle, pointer, data.length, root, error));
            byte[] received = new byte[data.length];
            pointer.get(received);
            return received;
        }
    }

    /** Ends all ranks: processes at once, with this exit status; threads by a failure of their present or next call. */
    public void abort(int status) {
        MetaapoC.apo_ranks_abort(handle, status);
    }

    apo_ranks handle() {
        ensureOpen();
        return handle;
    }

    @Override
    void release() {
        Native.check(error -> MetaapoC.apo_ranks_close(handle, error));
    }
}
