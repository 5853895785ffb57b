package org.metaapo.error;

/**
 * Base of every failure that the program explains to its user in one line: what, where, expected, found, what to do.
 *
 * <p>The command line prints {@link #getMessage()} after {@code metaapo: } and exits with {@link #exitStatus()}; a
 * stack trace is printed only with {@code --debug}.
 */
public abstract class MetaapoException extends RuntimeException {
    MetaapoException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Process exit status that stands for this kind of failure (design: 2 usage, 3 data, 4 device, 5 interrupted, 1 other). */
    public abstract int exitStatus();
}
