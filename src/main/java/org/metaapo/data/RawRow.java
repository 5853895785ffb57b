package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.function.Supplier;

/**
 * A row as it lies in its file, not parsed yet.
 *
 * @param place where it lies
 * @param bytes about how large it is
 * @param json parses it, on any thread; throws a {@link org.metaapo.error.DataException} that names the place
 */
record RawRow(Place place, long bytes, Supplier<JsonNode> json) {
    /** Most bytes of a row: a few million tokens. */
    static final int LARGEST = 16 << 20;
}
