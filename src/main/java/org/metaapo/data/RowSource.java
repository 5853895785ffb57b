package org.metaapo.data;

import java.nio.file.Path;

/** The rows of a file, one after another. */
interface RowSource {
    /** What becomes of a row. */
    interface Sink {
        /**
         * Takes a row.
         *
         * @param position bytes of the file that were read so far
         */
        void row(RawRow row, long position);
    }

    /**
     * Reads all rows; never more than one is held.
     *
     * @throws org.metaapo.error.DataException if the file as a whole cannot be read
     */
    void read(Path file, Sink sink);
}
