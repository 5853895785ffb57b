package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.metaapo.error.DataException;

/** Layouts of a row, recognised by its columns. The first that fits is taken. */
public enum Schema {
    /** A preference pair; the prompt may be implicit, as the common turns of two conversations. */
    PAIR("prompt", "chosen", "rejected"),
    /** A conversation that ends with the answer. */
    MESSAGES("messages"),
    /** UltraFeedback's own: several completions with scores. */
    ULTRAFEEDBACK("instruction", "completions"),
    /** One answer with a verdict, for objectives on unpaired data. */
    UNPAIRED("prompt", "completion", "label"),
    /** One answer. */
    COMPLETION("prompt", "completion"),
    /** Several answers with scores. */
    SCORED("prompt", "responses", "scores"),
    /** Several answers, as {@code metaapo generate} writes them. */
    RESPONSES("prompt", "responses"),
    /** A prompt alone. */
    PROMPT("prompt");

    private final List<String> columns;

    Schema(String... columns) {
        this.columns = List.of(columns);
    }

    /** The columns that name it, such as {@code prompt, chosen, rejected}. */
    public String columns() {
        return String.join(", ", columns);
    }

    /**
     * The layout of a row.
     *
     * @param where file and row, for the message
     * @throws DataException if none fits: with the columns found and the nearest layout
     */
    static Schema of(JsonNode row, String where) {
        // One of a pair is enough to mean a pair: that the other is missing is the better message.
        if (row.has("chosen") || row.has("rejected")) {
            return PAIR;
        }
        return Arrays.stream(values())
                .filter(schema -> schema.columns.stream().allMatch(row::has))
                .findFirst()
                .orElseThrow(() -> none(row, where));
    }

    private static DataException none(JsonNode row, String where) {
        List<String> found = new ArrayList<>();
        row.fieldNames().forEachRemaining(found::add);
        Schema nearest = Arrays.stream(values())
                .max(Comparator.comparingDouble(schema -> likeness(schema, found)))
                .orElse(PAIR);
        return new DataException(where + ": no known layout (columns found: " + (found.isEmpty() ? "none" : String.join(", ", found))
                + "); the nearest is " + nearest.columns());
    }

    /** Share of the layout's columns that a row has; between equals, the first layout. */
    private static double likeness(Schema schema, List<String> found) {
        double share = (double) schema.columns.stream().filter(found::contains).count() / schema.columns.size();
        return share - 0.01 * schema.ordinal();
    }
}
