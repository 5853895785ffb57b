package org.metaapo.engine;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.DoubleConsumer;
import java.util.function.Supplier;
import org.metaapo.engine.internal.apo_progress;
import org.metaapo.error.InterruptedRunException;

/** Shared with a running call: how far it is, and the wish that it end. May be used from any thread. */
public final class Progress implements AutoCloseable {
    private final apo_progress handle = new apo_progress();

    /** At zero. */
    public Progress() {
        reset();
    }

    /** Back to zero, for another call. */
    public void reset() {
        handle.done(0).total(0).cancel(0).reserved(0);
    }

    /** Units finished: tokens forwarded and backwarded, or tokens generated. */
    public long done() {
        return handle.done();
    }

    /** Units expected, 0 while unknown. */
    public long total() {
        return handle.total();
    }

    /** Ends the call at its next layer or token with an {@link org.metaapo.error.InterruptedRunException}. */
    public void cancel() {
        handle.cancel(1);
    }

    /**
     * Makes a call that reports to this progress, while another thread tells {@code listener} the share that is done. What the
     * listener throws ends the call and is thrown here.
     *
     * @param listener hears of a share between 0 and 1, every fifth of a second
     */
    public <T> T watch(DoubleConsumer listener, Supplier<T> call) {
        reset();
        AtomicReference<RuntimeException> refused = new AtomicReference<>();
        AtomicBoolean over = new AtomicBoolean();
        Thread watcher = new Thread(() -> tell(listener, refused, over), "progress");
        watcher.setDaemon(true);
        watcher.start();
        try {
            return call.get();
        } catch (InterruptedRunException e) {
            over.set(true);
            join(watcher);
            throw refused.get() == null ? e : refused.get();
        } finally {
            over.set(true);
            join(watcher);
        }
    }

    private void tell(DoubleConsumer listener, AtomicReference<RuntimeException> refused, AtomicBoolean over) {
        while (!over.get() && refused.get() == null) {
            try {
                LockSupport.parkNanos(200_000_000L);
                if (!over.get() && total() > 0) {
                    listener.accept((double) done() / total());
                }
            } catch (RuntimeException e) {
                refused.set(e);
                cancel();
            }
        }
    }

    private static void join(Thread watcher) {
        LockSupport.unpark(watcher);
        boolean interrupted = false;
        while (watcher.isAlive()) {
            try {
                watcher.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    static apo_progress handle(Progress progress) {
        return progress == null ? null : progress.handle;
    }

    /** Gives the memory back; no call may be using it. */
    @Override
    public void close() {
        handle.close();
    }
}
