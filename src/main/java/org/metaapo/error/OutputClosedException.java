package org.metaapo.error;

/** Whoever read standard output does so no more, as {@code head} after its last line. Exit status 1, and nothing is told. */
public final class OutputClosedException extends MetaapoException {
    /** With the failed write beneath it. */
    public OutputClosedException(Throwable cause) {
        super("standard output: closed by its reader", cause);
    }

    @Override
    public int exitStatus() {
        return 1;
    }
}
