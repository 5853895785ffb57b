package org.metaapo.error;

/** The run was interrupted and can be resumed by the same command. Exit status 5. */
public final class InterruptedRunException extends MetaapoException {
    /** One line for the user: what, where, expected, found, what to do. */
    public InterruptedRunException(String message) {
        super(message, null);
    }

    /** As {@link #InterruptedRunException(String)}, with the failure beneath it. */
    public InterruptedRunException(String message, Throwable cause) {
        super(message, cause);
    }

    @Override
    public int exitStatus() {
        return 5;
    }
}
