package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.metaapo.error.DataException;

/** The rows of a file, one after another, as JSON. */
interface RowSource {
    /** What becomes of a row. */
    interface Sink {
        /** A row that can be read. */
        void row(JsonNode row, String where);

        /** A row that cannot. */
        void bad(DataException why);
    }

    /**
     * Reads all rows; never more than one is held.
     *
     * @throws DataException if the file as a whole cannot be read
     */
    void read(Path file, Sink sink);
}
