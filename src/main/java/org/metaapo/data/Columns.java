package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/**
 * Columns where rows are expected. {@code datasets} keeps a list of structs of a {@code Sequence} as a struct of lists, so that turns
 * come as {@code {"role": [...], "content": [...]}}: that is read. A whole table written column by column is not.
 */
final class Columns {
    private static final List<String> LISTS = List.of(
            "prompt", "chosen", "rejected", "online_chosen", "online_rejected", "messages", "completion", "completions");
    private static final List<String> TEXTS = List.of("prompt", "chosen", "rejected", "completion");

    private Columns() {}

    /**
     * The row with each struct of lists as a list of structs.
     *
     * @throws DataException if the lists of a struct are not equally long, or the row is a table
     */
    static JsonNode asRows(JsonNode row, String where) {
        refuseTable(row, where);
        for (String name : LISTS) {
            JsonNode value = row.path(name);
            if (value.isObject() && !value.isEmpty() && stream(value).allMatch(JsonNode::isArray)) {
                ((ObjectNode) row).set(name, turned(value, where + ": " + name));
            }
        }
        return row;
    }

    private static ArrayNode turned(JsonNode columns, String where) {
        int length = columns.elements().next().size();
        ArrayNode list = Json.mapper().createArrayNode();
        for (int i = 0; i < length; i++) {
            list.addObject();
        }
        for (Map.Entry<String, JsonNode> column : columns.properties()) {
            if (column.getValue().size() != length) {
                throw new DataException(where + ": a struct of lists that are not equally long: " + columns.properties().iterator().next().getKey()
                        + " has " + length + " entries, " + column.getKey() + " " + column.getValue().size());
            }
            for (int i = 0; i < length; i++) {
                ((ObjectNode) list.get(i)).set(column.getKey(), column.getValue().get(i));
            }
        }
        return list;
    }

    private static void refuseTable(JsonNode row, String where) {
        for (String name : TEXTS) {
            JsonNode value = row.path(name);
            boolean texts = value.isArray() && !value.isEmpty() && stream(value).allMatch(JsonNode::isTextual);
            boolean numbered = value.isObject() && value.has("0")
                    && value.properties().stream().allMatch(entry -> entry.getKey().matches("\\d+"));
            if (texts || numbered) {
                throw new DataException(where + ": " + name + " has the values of " + value.size() + " rows: a table written column by column; "
                        + "expected an object for each row, as pandas writes with to_json(\"rows.jsonl\", orient=\"records\", lines=True)");
            }
        }
    }

    private static Stream<JsonNode> stream(JsonNode values) {
        return StreamSupport.stream(values.spliterator(), false);
    }
}
