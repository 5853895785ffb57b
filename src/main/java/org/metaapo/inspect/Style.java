package org.metaapo.inspect;

/** How a run of text looks on a terminal. */
enum Style {
    PLAIN(""),
    HEADING("1"),
    SOFT("2"),
    PROMPT("36"),
    CHOSEN("32"),
    REJECTED("35"),
    SPECIAL("97;100"),
    CUT("31;9"),
    MASKED("36"),
    ERROR("1;31"),
    WARNING("1;33"),
    GOOD("32");

    private final String codes;

    Style(String codes) {
        this.codes = codes;
    }

    /** The text in this style, or as it is. */
    String paint(String text, boolean colour) {
        return !colour || codes.isEmpty() || text.isEmpty() ? text : "\u001b[" + codes + "m" + text + "\u001b[0m";
    }

    /** The style of an answer. */
    static Style ofSide(String side) {
        return side.endsWith("rejected") ? REJECTED : CHOSEN;
    }
}
