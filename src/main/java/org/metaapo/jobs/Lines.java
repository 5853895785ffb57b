package org.metaapo.jobs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import org.metaapo.files.AtomicFiles;
import org.metaapo.data.Prompt;
import org.metaapo.files.Json;
import org.metaapo.text.Message;

/** JSON lines for a file, which appears whole, or for standard output. */
public final class Lines {
    private final StringBuilder text = new StringBuilder();

    /** An empty line to fill. */
    static ObjectNode line() {
        return Json.mapper().createObjectNode();
    }

    /** Puts the prompt into a line as data files write it. */
    static void prompt(ObjectNode line, Prompt prompt) {
        if (prompt.isConversation()) {
            line.set("prompt", Json.mapper().valueToTree(prompt.conversation().turns().stream().map(Message::fields).toList()));
        } else {
            line.put("prompt", prompt.text());
        }
    }

    void add(ObjectNode line) {
        text.append(Json.write(line)).append('\n');
    }

    /** Writes all lines; to standard output where {@code out} is null. */
    public void write(Path out) {
        if (out == null) {
            System.out.print(text);
            System.out.flush();
        } else {
            AtomicFiles.write(out, text.toString());
        }
    }
}
