package org.metaapo.data;

/** A row's tokens, truncated as configured. */
public interface EncodedRow {
    /** Where it comes from, with its texts. */
    Row row();

    /** Number of the row in the whole data; names its random numbers. */
    int id();

    /** File and line, for messages. */
    String source();

    /** Ids of the prompt with the generation prompt. */
    int[] prompt();

    /** Ids of the better answer; null in a row without one. */
    int[] chosen();

    /** Ids of the worse answer; null in a row without one. */
    int[] rejected();

    /** Ids of the given online pair's better answer; null where the row has none, or it is not wanted. */
    int[] onlineChosen();

    /** Ids of the given online pair's worse answer; null like {@link #onlineChosen}. */
    int[] onlineRejected();

    /** Length of {@link #prompt}. */
    int promptTokens();

    /** Length of {@link #chosen}; 0 in a row without one. */
    int chosenTokens();

    /** Length of {@link #rejected}; 0 in a row without one. */
    int rejectedTokens();

    /** Lengths of {@link #onlineChosen} and {@link #onlineRejected} together; 0 without them. */
    int onlineTokens();

    /** Tokens cut from the prompt's start. */
    int promptCut();

    /** Tokens cut from the chosen answer's end. */
    int chosenCut();

    /** Tokens cut from the rejected answer's end. */
    int rejectedCut();

    /** Tokens cut from the online answers' ends, together. */
    int onlineCut();
}
