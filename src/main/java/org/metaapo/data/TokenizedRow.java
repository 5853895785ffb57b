package org.metaapo.data;

/** A row that holds its tokens; a null answer is one that the row does not have. */
record TokenizedRow(Row row, int[] prompt, int[] chosen, int[] rejected, int promptCut, int chosenCut, int rejectedCut)
        implements EncodedRow {
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
}
