package org.metaapo.engine;

import java.io.IOException;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerPointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_ranks;
import org.metaapo.engine.internal.apo_ranks_info;
import org.metaapo.error.DeviceException;

/**
 * One rank's connection to the others, which engines join. Every rank makes the same calls in the same order; each waits for the others.
 * One thread calls, but for {@link #abort}.
 */
public final class RankGroup extends NativeHandle {
    private static final int NAME_BYTES = 128;

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

    /**
     * What MPI there is for {@link #ofProcesses}, such as "Open MPI v4.1.4".
     *
     * @throws DeviceException if there is none
     */
    public static String mpi() {
        loadMpi();
        try (BytePointer name = new BytePointer(NAME_BYTES)) {
            Native.check(error -> MetaapoC.apo_mpi_name(name, error));
            return Native.text(name);
        }
    }

    /**
     * Joins the processes that MPI's launcher has started. Each of them calls this, once.
     *
     * @param size how many the launcher says it started
     * @param onGpus whether the ranks compute on GPUs, and MPI carries only what they tell each other
     * @throws DeviceException if there is no MPI, or it is not that launcher's
     */
    public static RankGroup ofProcesses(int size, boolean onGpus) {
        loadMpi();
        apo_ranks handle = new apo_ranks(null);
        Native.check(error -> MetaapoC.apo_ranks_open_mpi(size, onGpus ? 1 : 0, handle, error));
        return new RankGroup(handle);
    }

    /** The engine looks for its MPI plugin beside its own library, where JavaCPP has put that if it came from a jar. */
    private static void loadMpi() {
        Engine.load();
        URL plugin = MetaapoC.class.getResource("linux-x86_64/libmetaapo_mpi.so");
        if (plugin == null || !plugin.getProtocol().equals("jar")) {
            return;
        }
        try {
            Loader.cacheResource(plugin);
        } catch (IOException e) {
            throw new DeviceException("the MPI plugin cannot be unpacked beside the engine: " + e.getMessage(), e);
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

    /**
     * Has waits that begin from here on, the engines' too, fail after so many seconds, with a line that names who did not come; 0, as at
     * first: they have no end.
     */
    public void limit(double seconds) {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_ranks_limit(handle, seconds, error));
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
