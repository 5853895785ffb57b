package org.metaapo.data;

/** A row that holds its tokens; a null answer is one that the row does not have. */
record TokenizedRow(
        Row row, int[] prompt, int[] chosen, int[] rejected, int[] onlineChosen, int[] onlineRejected, int promptCut, int chosenCut,
        int rejectedCut, int onlineCut) implements EncodedRow {
    /** Without an online pair. */
    TokenizedRow(Row row, int[] prompt, int[] chosen, int[] rejected, int promptCut, int chosenCut, int rejectedCut) {
        this(row, prompt, chosen, rejected, null, null, promptCut, chosenCut, rejectedCut, 0);
    }

    @Override
    public int id() {
        return row.id();
    }

    @Override
    public String source() {
        return row.source();
    }

    @Override
    public int promptTokens() {
        return prompt.length;
    }

    @Override
    public int chosenTokens() {
        return chosen == null ? 0 : chosen.length;
    }

    @Override
    public int rejectedTokens() {
        return rejected == null ? 0 : rejected.length;
    }

    @Override
    public int onlineTokens() {
        return onlineChosen == null ? 0 : onlineChosen.length + onlineRejected.length;
    }
}
