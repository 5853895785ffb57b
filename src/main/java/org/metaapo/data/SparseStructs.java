package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * Structs of Parquet have every field of their column, with null where an entry has none: an argument of another tool, a key of another
 * row's turn. Such nulls are left out, as by TRL's {@code remove_none_values}; a turn's content stays, which templates ask for.
 */
final class SparseStructs {
    private SparseStructs() {}

    /** The row without nulls in its structs; columns that are null stay. */
    static JsonNode withoutNulls(JsonNode row) {
        row.forEach(SparseStructs::prune);
        return row;
    }

    private static void prune(JsonNode value) {
        if (value.isObject()) {
            value.properties().removeIf(entry -> entry.getValue().isNull() && !entry.getKey().equals("content"));
        }
        if (value.isContainerNode()) {
            value.forEach(SparseStructs::prune);
        }
    }
}
