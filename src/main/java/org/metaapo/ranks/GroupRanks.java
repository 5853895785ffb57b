package org.metaapo.ranks;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.metaapo.engine.Engine;
import org.metaapo.engine.RankGroup;

/** The ranks of an engine's group. */
final class GroupRanks extends JoinedRanks {
    private final RankGroup group;

    GroupRanks(RankGroup group) {
        this.group = group;
    }

    @Override
    public void join(Engine engine) {
        engine.join(group);
    }

    @Override
    public int rank() {
        return group.info().rank();
    }

    @Override
    public int size() {
        return group.info().size();
    }

    @Override
    public int localRank() {
        return group.info().localRank();
    }

    @Override
    public int localSize() {
        return group.info().localSize();
    }

    /** Lengths first: the group carries equally many bytes of each rank. */
    @Override
    public List<byte[]> gather(byte[] own) {
        byte[][] lengths = group.gather(ByteBuffer.allocate(Integer.BYTES).putInt(own.length).array());
        int[] length = Arrays.stream(lengths).mapToInt(bytes -> ByteBuffer.wrap(bytes).getInt()).toArray();
        byte[][] all = group.gather(Arrays.copyOf(own, Arrays.stream(length).max().orElseThrow()));
        List<byte[]> cut = new ArrayList<>();
        for (int rank = 0; rank < all.length; rank++) {
            cut.add(Arrays.copyOf(all[rank], length[rank]));
        }
        return cut;
    }

    @Override
    public byte[] broadcast(byte[] ofLeader) {
        byte[] length = ByteBuffer.allocate(Integer.BYTES).putInt(leader() ? ofLeader.length : 0).array();
        int bytes = ByteBuffer.wrap(group.broadcast(length, 0)).getInt();
        return group.broadcast(leader() ? ofLeader : new byte[bytes], 0);
    }

    @Override
    public void barrier() {
        group.barrier();
    }

    @Override
    public <T> T within(double seconds, Supplier<T> work) {
        group.limit(seconds);
        try {
            return together(work);
        } finally {
            group.limit(0);
        }
    }

    @Override
    public void abort(int status) {
        group.abort(status);
    }

    @Override
    public void close() {
        group.close();
    }
}
