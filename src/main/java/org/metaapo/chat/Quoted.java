package org.metaapo.chat;

/** Text of several lines between {@code """} and {@code """}. */
final class Quoted {
    private static final String MARK = "\"\"\"";

    private Quoted() {}

    /** Whether a text begins so and is not closed yet. */
    static boolean isOpen(String text) {
        return isQuoted(text) && !isClosed(text);
    }

    /** Whether a text begins so. */
    static boolean isQuoted(String text) {
        return text.stripLeading().startsWith(MARK);
    }

    private static boolean isClosed(String text) {
        String trimmed = text.strip();
        return trimmed.length() >= 2 * MARK.length() && trimmed.endsWith(MARK);
    }

    /** What stands between them, without the lines' ends beside them; one that is not closed ends with the text. */
    static String inner(String text) {
        String trimmed = text.strip();
        String inner = trimmed.substring(MARK.length(), isClosed(text) ? trimmed.length() - MARK.length() : trimmed.length());
        inner = inner.startsWith("\n") ? inner.substring(1) : inner;
        return inner.endsWith("\n") ? inner.substring(0, inner.length() - 1) : inner;
    }
}
