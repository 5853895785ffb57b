package org.metaapo.error;

/** NaN or infinity in weights, log-probs, a loss, a gradient or a reward. Exit status 1. */
public final class NumericException extends MetaapoException {
    /** One line for the user: what, where, expected, found, what to do. */
    public NumericException(String message) {
        super(message, null);
    }

    @Override
    public int exitStatus() {
        return 1;
    }
}
