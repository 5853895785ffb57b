package org.metaapo.train;

import java.util.concurrent.atomic.AtomicBoolean;
import org.metaapo.error.InterruptedRunException;

/** The wish that a run stops after its present step, with a checkpoint. */
public final class StopSignal {
    private final AtomicBoolean requested = new AtomicBoolean();

    /** Asks for the stop; returns whether this was the first time. */
    public boolean request() {
        return requested.compareAndSet(false, true);
    }

    /** Whether a stop was asked for. */
    public boolean isRequested() {
        return requested.get();
    }

    /** Ends a phase that has nothing to save. */
    public void check() {
        if (isRequested()) {
            throw new InterruptedRunException("stopped; the same command goes on");
        }
    }
}
