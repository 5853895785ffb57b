package org.metaapo.engine;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** An owned native object with the objects that were opened on it. */
abstract class NativeHandle implements AutoCloseable {
    private final NativeHandle parent;
    private final Set<NativeHandle> children = new LinkedHashSet<>();
    private boolean closed;

    NativeHandle(NativeHandle parent) {
        this.parent = parent;
    }

    /** To be called last in a constructor, so that a failed one leaves nothing behind. */
    final void register() {
        if (parent != null) {
            synchronized (parent) {
                parent.children.add(this);
            }
        }
    }

    /** Gives the native object back. */
    abstract void release();

    /** @throws IllegalStateException after {@link #close()} */
    final void ensureOpen() {
        synchronized (this) {
            if (closed) {
                throw new IllegalStateException("the " + getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT) + " is closed");
            }
        }
    }

    /** Closes what was opened on this, newest first, then this. Closing again does nothing. */
    @Override
    public final void close() {
        List<NativeHandle> open;
        synchronized (this) {
            if (closed) {
                return;
            }
            open = new ArrayList<>(children);
        }
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
        synchronized (this) {
            if (closed) {
                return;
            }
            release();
            closed = true;
        }
        if (parent != null) {
            synchronized (parent) {
                parent.children.remove(this);
            }
        }
    }
}
