package org.metaapo.data;

/** A row of a {@link RowStore}, by its place: reads what it is asked for. */
final class StoredRow implements EncodedRow {
    private final RowStore store;
    private final int index;

    StoredRow(RowStore store, int index) {
        this.store = store;
        this.index = index;
    }

    RowStore store() {
        return store;
    }

    int index() {
        return index;
    }

    @Override
    public Row row() {
        return store.row(index);
    }

    @Override
    public int id() {
        return store.field(index, RowStoreWriter.ID);
    }

    @Override
    public String source() {
        return store.source(index);
    }

    @Override
    public int[] prompt() {
        return store.ids(index, RowStoreWriter.PROMPT);
    }

    @Override
    public int[] chosen() {
        return store.ids(index, RowStoreWriter.CHOSEN);
    }

    @Override
    public int[] rejected() {
        return store.ids(index, RowStoreWriter.REJECTED);
    }

    @Override
    public int[] onlineChosen() {
        return store.ids(index, RowStoreWriter.ONLINE_CHOSEN);
    }

    @Override
    public int[] onlineRejected() {
        return store.ids(index, RowStoreWriter.ONLINE_REJECTED);
    }

    @Override
    public int promptTokens() {
        return store.count(index, RowStoreWriter.PROMPT);
    }

    @Override
    public int chosenTokens() {
        return store.count(index, RowStoreWriter.CHOSEN);
    }

    @Override
    public int rejectedTokens() {
        return store.count(index, RowStoreWriter.REJECTED);
    }

    @Override
    public int onlineTokens() {
        return store.count(index, RowStoreWriter.ONLINE_CHOSEN) + store.count(index, RowStoreWriter.ONLINE_REJECTED);
    }

    @Override
    public int promptCut() {
        return store.field(index, RowStoreWriter.PROMPT_CUT);
    }

    @Override
    public int chosenCut() {
        return store.field(index, RowStoreWriter.CHOSEN_CUT);
    }

    @Override
    public int rejectedCut() {
        return store.field(index, RowStoreWriter.REJECTED_CUT);
    }

    @Override
    public int onlineCut() {
        return store.field(index, RowStoreWriter.ONLINE_CUT);
    }
}
