package org.metaapo.ranks;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.metaapo.engine.Engine;

/** See {@link Ranks#single}. */
final class SingleRank implements Ranks {
    static final Ranks INSTANCE = new SingleRank();

    private SingleRank() {}

    @Override
    public void join(Engine engine) {}

    @Override
    public int rank() {
        return 0;
    }

    @Override
    public int size() {
        return 1;
    }

    @Override
    public int localRank() {
        return 0;
    }

    @Override
    public int localSize() {
        return 1;
    }

    @Override
    public List<byte[]> gather(byte[] own) {
        return List.of(own);
    }

    @Override
    public byte[] broadcast(byte[] ofLeader) {
        return ofLeader;
    }

    @Override
    public boolean any(boolean own) {
        return own;
    }

    @Override
    public void barrier() {}

    @Override
    public <T> T agree(Supplier<T> work) {
        return work.get();
    }

    @Override
    public <T> T together(Supplier<T> work) {
        return work.get();
    }

    @Override
    public void whenBroken(Consumer<Throwable> listener) {}

    @Override
    public <T> T within(double seconds, Supplier<T> work) {
        return work.get();
    }

    @Override
    public boolean isAgreed(Throwable failure) {
        return true;
    }

    @Override
    public void abort(int status) {}

    @Override
    public void close() {}
}
