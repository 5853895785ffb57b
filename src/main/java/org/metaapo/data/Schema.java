package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.metaapo.error.DataException;

/** Layouts of a row, recognised by its columns. The first that fits is taken. */
public enum Schema {
    /** A preference pair; the prompt may be implicit, as the common turns of two conversations. */
    PAIR(Set.of("score_chosen", "score_rejected", "online_chosen", "online_rejected"), "prompt", "chosen", "rejected"),
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

    /** What every conversation may have. */
    private static final Set<String> SHARED = Set.of("tools", "documents", "chat_template_kwargs");

    private final Set<String> further;
    private final List<String> columns;

    Schema(String... columns) {
        this(Set.of(), columns);
    }

    Schema(Set<String> further, String... columns) {
        this.further = further;
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
     * @throws DataException if none fits: with the columns found and the layout nearest in meaning
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
        LayoutHint hint = LayoutHint.of(row);
        return new DataException(where + ": no known layout (columns found: " + (found.isEmpty() ? "none" : String.join(", ", found)) + "); "
                + (hint == null ? "expected one of " + known() : hint.shown()));
    }

    private static String known() {
        return Arrays.stream(values()).map(Schema::columns).collect(Collectors.joining("; "));
    }

    /** The columns of a row that it reads nothing from, in their order. */
    List<String> unread(JsonNode row) {
        List<String> unread = new ArrayList<>();
        for (Map.Entry<String, JsonNode> column : row.properties()) {
            String name = column.getKey();
            if (!columns.contains(name) && !further.contains(name) && !SHARED.contains(name) && !column.getValue().isNull()) {
                unread.add(name);
            }
        }
        return unread;
    }
}
