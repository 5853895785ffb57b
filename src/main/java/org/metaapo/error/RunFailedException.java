package org.metaapo.error;

/** Anything else that stops a run, such as a full disk or NaN in the loss. Exit status 1. */
public final class RunFailedException extends MetaapoException {
    /** One line for the user: what, where, expected, found, what to do. */
    public RunFailedException(String message) {
        super(message, null);
    }

    /** As {@link #RunFailedException(String)}, with the failure beneath it. */
    public RunFailedException(String message, Throwable cause) {
        super(message, cause);
    }

    @Override
    public int exitStatus() {
        return 1;
    }
}
