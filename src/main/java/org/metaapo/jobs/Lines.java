package org.metaapo.jobs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.data.Prompt;
import org.metaapo.files.Destination;
import org.metaapo.files.Json;
import org.metaapo.text.Message;

/** JSON lines, gathered to be written at once. */
public final class Lines {
    private final List<String> lines = new ArrayList<>();

    /** An empty line to fill. */
    static ObjectNode line() {
        return Json.mapper().createObjectNode();
    }

    /** Puts the prompt into a line as data files write it, with all that its template reads. */
    static void prompt(ObjectNode line, Prompt prompt) {
        if (prompt.isConversation()) {
            line.set("prompt", Json.mapper().valueToTree(prompt.conversation().turns().stream().map(Message::fields).toList()));
        } else {
            line.put("prompt", prompt.text());
            return;
        }
        putIfAny(line, "tools", prompt.conversation().tools());
        putIfAny(line, "documents", prompt.conversation().documents());
        Map<String, Object> variables = prompt.conversation().variables();
        putIfAny(line, "chat_template_kwargs", variables.isEmpty() ? null : variables);
    }

    private static void putIfAny(ObjectNode line, String field, Object value) {
        if (value != null) {
            line.set(field, Json.mapper().valueToTree(value));
        }
    }

    void add(ObjectNode line) {
        lines.add(Json.write(line));
    }

    /** Writes all lines. */
    public void write(Destination out) {
        out.write(writer -> {
            for (String line : lines) {
                writer.write(line);
                writer.write('\n');
            }
        });
    }
}
