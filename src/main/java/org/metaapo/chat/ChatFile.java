package org.metaapo.chat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.data.DataFiles;
import org.metaapo.data.Row;
import org.metaapo.error.DataException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Json;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/**
 * Conversations in a file: a JSON line for each model's, {@code {"messages": [{"role": …, "content": …}, …], "model": …}}, with
 * {@code tools}, {@code documents} and {@code chat_template_kwargs} where there are any. It is what the layout {@code messages} of data
 * files is, so that any of these can be read, and what was said can be trained on.
 */
public final class ChatFile {
    private ChatFile() {}

    /** Writes a line for each conversation, of the model with the same number. */
    static void write(Path file, List<Conversation> conversations, List<String> models) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < conversations.size(); i++) {
            Conversation talk = conversations.get(i);
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("messages", talk.turns().stream().map(Message::fields).toList());
            put(line, "tools", talk.tools());
            put(line, "documents", talk.documents());
            put(line, "chat_template_kwargs", talk.variables().isEmpty() ? null : talk.variables());
            line.put("model", models.get(i));
            lines.append(Json.write(line)).append('\n');
        }
        AtomicFiles.write(file, lines.toString());
    }

    private static void put(Map<String, Object> line, String name, Object value) {
        if (value != null) {
            line.put(name, value);
        }
    }

    /**
     * The first conversations of a data file.
     *
     * @param count of them; where the file has fewer, the last one again
     * @param variables of the chat template, which the file's go before
     * @throws DataException if it has none, or rows of another layout
     */
    public static List<Conversation> read(Path file, int count, Map<String, Object> variables) {
        List<Row> rows = DataFiles.load(List.of(file), DataFiles.Options.STRICT.with(variables)).rows();
        List<Conversation> conversations = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            conversations.add(conversation(rows.get(Math.min(i, rows.size() - 1))));
        }
        return conversations;
    }

    private static Conversation conversation(Row row) {
        if (row.rejected() != null || row.responses() != null || row.prompt().isPlain()) {
            throw new DataException(row.source() + ": expected a conversation, {\"messages\": [{\"role\": …, \"content\": …}, …]}");
        }
        return row.chosen() == null ? row.prompt().conversation() : row.prompt().conversation().answered(row.chosen());
    }
}
