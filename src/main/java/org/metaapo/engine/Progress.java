package org.metaapo.engine;

import org.metaapo.engine.internal.apo_progress;

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

    static apo_progress handle(Progress progress) {
        return progress == null ? null : progress.handle;
    }

    /** Gives the memory back; no call may be using it. */
    @Override
    public void close() {
        handle.close();
    }
}
