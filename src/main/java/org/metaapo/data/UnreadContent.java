package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.error.DataException;

/** Refuses rows whose prompt has a part in a column from which nothing is read: without it the answers would be to something else. */
final class UnreadContent {
    /** Columns that public data sets have beside a prompt, and where what they say belongs. */
    private static final Map<String, String> PARTS = Map.of(
            "system", "a turn with role system before the prompt's",
            "system_prompt", "a turn with role system before the prompt's",
            "history", "turns before the prompt's last",
            "input", "the prompt, after the instruction");

    private UnreadContent() {}

    /** Throws if a column of these has a text that no column that is read has too. */
    static void check(JsonNode row, List<String> unread, String where) {
        for (String name : unread) {
            if (!PARTS.containsKey(name)) {
                continue;
            }
            List<String> read = new ArrayList<>();
            row.properties().stream().filter(column -> !unread.contains(column.getKey())).forEach(column -> addTexts(column.getValue(), read));
            List<String> texts = new ArrayList<>();
            addTexts(row.get(name), texts);
            if (texts.stream().anyMatch(text -> read.stream().noneMatch(other -> other.contains(text.strip())))) {
                throw new DataException(where + ": " + name + ": is not read, and has a text that the prompt lacks; make it "
                        + PARTS.get(name) + ", or drop the column");
            }
        }
    }

    private static void addTexts(JsonNode value, List<String> texts) {
        if (value.isTextual() && !value.textValue().isBlank()) {
            texts.add(value.textValue());
        }
        value.forEach(inner -> addTexts(inner, texts));
    }
}
