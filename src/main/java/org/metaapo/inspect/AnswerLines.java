package org.metaapo.inspect;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import org.metaapo.files.Json;

/**
 * Writes a JSON line for each answer of each row; a row without answers has one line, of side "prompt".
 *
 * <p>{@code row}: number in the whole data. {@code source}: file and row. {@code side}: as in {@link SeenAnswer}; responses
 * also have their {@code index}. {@code prompt_text}: the rendered prompt, before any cut. {@code ids}: of prompt and answer, as trained
 * on; the first {@code prompt_tokens} are the prompt's. {@code text}: the decoded text of the ids, with special tokens.
 * {@code prompt_cut}, {@code answer_cut}: tokens that truncation took. {@code dropped}: why training leaves the row out.
 */
final class AnswerLines {
    private final Writer out;
    private final RowViewer viewer;

    AnswerLines(Writer out, RowViewer viewer) {
        this.out = out;
        this.viewer = viewer;
    }

    void add(SeenRow seen) {
        String promptText = viewer.promptText(seen);
        if (seen.answers().isEmpty()) {
            write(line(seen, "prompt", promptText, new int[0], 0));
        }
        int index = 0;
        for (SeenAnswer answer : seen.answers()) {
            ObjectNode line = line(seen, answer.side(), promptText, answer.ids(), answer.cut());
            if (answer.side().equals("response")) {
                line.put("index", index++);
            }
            write(line);
        }
    }

    private ObjectNode line(SeenRow seen, String side, String promptText, int[] answer, int cut) {
        int[] ids = new int[seen.prompt().length + answer.length];
        System.arraycopy(seen.prompt(), 0, ids, 0, seen.prompt().length);
        System.arraycopy(answer, 0, ids, seen.prompt().length, answer.length);
        ObjectNode line = Json.mapper()
                .createObjectNode()
                .put("row", seen.row().id())
                .put("source", seen.row().source());
        line.put("side", side).put("prompt_text", promptText).put("text", viewer.text(ids));
        ArrayNode array = line.putArray("ids");
        for (int id : ids) {
            array.add(id);
        }
        line.put("prompt_tokens", seen.prompt().length)
                .put("prompt_cut", seen.promptCut())
                .put("answer_cut", cut);
        if (seen.row().label() != null) {
            line.put("label", seen.row().label());
        }
        return seen.dropped() == null ? line : line.put("dropped", seen.dropped());
    }

    private void write(ObjectNode line) {
        try {
            out.write(Json.write(line));
            out.write('\n');
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
