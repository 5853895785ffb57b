package org.metaapo.error;

/** Bad input data: a model folder, a tokenizer, a template, a preference file or a checkpoint. Exit status 3. */
public final class DataException extends MetaapoException {
    /** One line for the user: what, where, expected, found, what to do. */
    public DataException(String message) {
        super(message, null);
    }

    /** As {@link #DataException(String)}, with the failure beneath it. */
    public DataException(String message, Throwable cause) {
        super(message, cause);
    }

    @Override
    public int exitStatus() {
        return 3;
    }
}
