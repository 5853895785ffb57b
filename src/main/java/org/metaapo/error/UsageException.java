package org.metaapo.error;

/** Wrong usage: a flag, a config key or a value out of range. Exit status 2. */
public final class UsageException extends MetaapoException {
    /** One line for the user: what, where, expected, found, what to do. */
    public UsageException(String message) {
        super(message, null);
    }

    /** As {@link #UsageException(String)}, with the failure beneath it. */
    public UsageException(String message, Throwable cause) {
        super(message, cause);
    }

    @Override
    public int exitStatus() {
        return 2;
    }
}
