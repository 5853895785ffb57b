package org.metaapo.chat;

/**
 * How things look where they are shown.
 *
 * @param isTerminal whether people read it there, so that control characters are shown and not sent
 * @param isColoured whether it has colours
 */
record ChatStyle(boolean isTerminal, boolean isColoured) {
    private static final String BOLD = "\u001b[1m";
    private static final String DIM = "\u001b[2m";
    private static final String PLAIN = "\u001b[0m";

    /** A model's text. */
    String text(String text) {
        return isTerminal ? Shown.text(text) : text;
    }

    /** A model's name. */
    String name(String name) {
        return isColoured ? BOLD + name + PLAIN : name;
    }

    /** A line that is no model's text. */
    String note(String line) {
        return isColoured ? DIM + line + PLAIN : line;
    }
}
