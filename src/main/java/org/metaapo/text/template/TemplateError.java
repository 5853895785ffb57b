package org.metaapo.text.template;

/** A template that cannot be read or run, with the place where. */
final class TemplateError extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int line;
    private final int column;

    TemplateError(String message, int line, int column) {
        super(message, null, false, false);
        this.line = line;
        this.column = column;
    }

    int line() {
        return line;
    }

    int column() {
        return column;
    }
}
