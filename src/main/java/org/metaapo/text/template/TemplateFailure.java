package org.metaapo.text.template;

/** A failure inside a template, placed by the innermost node that was being evaluated. */
final class TemplateFailure extends RuntimeException {
    private int at = -1;

    TemplateFailure(String message) {
        super(message, null, false, false);
    }

    TemplateFailure(String message, int at) {
        this(message);
        this.at = at;
    }

    /** Offset in the source with normalised newlines, or -1. */
    int at() {
        return at;
    }

    TemplateFailure placed(int position) {
        if (at < 0) {
            at = position;
        }
        return this;
    }
}
