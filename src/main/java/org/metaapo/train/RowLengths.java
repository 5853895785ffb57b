package org.metaapo.train;

import java.util.List;
import java.util.Locale;
import org.metaapo.data.EncodedRow;

/** How long rows are, in tokens of a prompt with its longest answer, beside the positions that a model was trained on. */
public final class RowLengths {
    private RowLengths() {}

    static int of(EncodedRow row) {
        int online = row.onlineTokens() == 0 ? 0 : Math.max(row.onlineChosen().length, row.onlineRejected().length);
        return row.promptTokens() + Math.max(Math.max(row.chosenTokens(), row.rejectedTokens()), online);
    }

    /** Of the longest row; 1 where there is none. */
    public static int longest(List<EncodedRow> rows) {
        int longest = 1;
        for (EncodedRow row : rows) {
            longest = Math.max(longest, of(row));
        }
        return longest;
    }

    /**
     * Says how many rows have more tokens than the model has positions: they are computed all the same, as in transformers.
     *
     * @param key what cuts them, for the note
     */
    public static void tellPositions(List<EncodedRow> rows, int positions, String key, RunListener listener) {
        int count = 0;
        for (EncodedRow row : rows) {
            count += of(row) > positions ? 1 : 0;
        }
        if (count > 0) {
            listener.note(String.format(Locale.ROOT, "rows with more tokens than the model has positions (%,d): %,d, up to %,d tokens; they are "
                    + "computed whole, beyond what it was trained on, and %s cuts them", positions, count, longest(rows), key));
        }
    }
}
