package org.metaapo.ranks;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.RankFailedException;

/** What several ranks settle by {@link #gather} alone, whatever carries it. */
abstract class JoinedRanks implements Ranks {
    private Throwable agreed;
    private Consumer<Throwable> broken = failure -> { };

    @Override
    public boolean any(boolean own) {
        return gather(new byte[] {(byte) (own ? 1 : 0)}).stream().anyMatch(flag -> flag[0] != 0);
    }

    @Override
    public <T> T agree(Supplier<T> work) {
        T result = null;
        Throwable failure = null;
        try {
            result = work.get();
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        List<byte[]> outcomes = gather(outcome(failure));
        for (int rank = 0; rank < outcomes.size(); rank++) {
            ByteBuffer outcome = ByteBuffer.wrap(outcomes.get(rank));
            int status = outcome.getInt();
            if (status != 0) {
                agreed = rank == rank() ? failure : new RankFailedException(rank, status, StandardCharsets.UTF_8.decode(outcome).toString());
                if (agreed instanceof Error error) {
                    throw error;
                }
                throw (RuntimeException) agreed;
            }
        }
        return result;
    }

    @Override
    public <T> T together(Supplier<T> work) {
        try {
            return work.get();
        } catch (RuntimeException | Error e) {
            if (!isAgreed(e)) {
                broken.accept(e);
            }
            throw e;
        }
    }

    @Override
    public void whenBroken(Consumer<Throwable> listener) {
        broken = listener;
    }

    /** Status and message; 0 for work that was done. */
    private static byte[] outcome(Throwable failure) {
        byte[] message = failure == null ? new byte[0] : String.valueOf(failure.getMessage()).getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(Integer.BYTES + message.length)
                .putInt(failure == null ? 0 : MetaapoException.statusOf(failure)).put(message).array();
    }

    @Override
    public boolean isAgreed(Throwable failure) {
        for (Throwable e = failure; e != null; e = e.getCause()) {
            if (e == agreed) {
                return true;
            }
        }
        return false;
    }
}
