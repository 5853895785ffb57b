package org.metaapo.inspect;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import org.metaapo.files.Json;
import org.metaapo.text.Answer;

/**
 * Writes a JSON line for each answer of each row; a row without answers has one line, of side "prompt".
 *
 * <p>{@code row}: number in the whole data. {@code source}: file and row. {@code side}: as in {@link SeenAnswer}; responses
 * also have their {@code index}. {@code prompt_text}: the rendered prompt, before any cut. {@code ids}: of prompt and answer, as trained
 * on; the first {@code prompt_tokens} are the prompt's. {@code text}: the decoded text of the ids, with special tokens.
 * {@code prompt_cut}, {@code answer_cut}: tokens that truncation took. {@code dropped}: why training leaves the row out.
 * {@code trained}: with {@code --loss generation}, for each token of the answer whether it is trained on.
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
            write(line(seen, new SeenAnswer("prompt", Answer.of(""), new int[0], null, 0, null), promptText));
        }
        int index = 0;
        for (SeenAnswer answer : seen.answers()) {
            ObjectNode line = line(seen, answer, promptText);
            if (answer.side().equals("response")) {
                line.put("index", index++);
            }
            write(line);
        }
    }

    private ObjectNode line(SeenRow seen, SeenAnswer answer, String promptText) {
        int[] ids = new int[seen.prompt().length + answer.ids().length];
        System.arraycopy(seen.prompt(), 0, ids, 0, seen.prompt().length);
        System.arraycopy(answer.ids(), 0, ids, seen.prompt().length, answer.ids().length);
        ObjectNode line = Json.mapper()
                .createObjectNode()
                .put("row", seen.row().id())
                .put("source", seen.row().source());
        line.put("side", answer.side()).put("prompt_text", promptText).put("text", viewer.text(ids));
        ArrayNode array = line.putArray("ids");
        for (int id : ids) {
            array.add(id);
        }
        line.put("prompt_tokens", seen.prompt().length)
                .put("prompt_cut", seen.promptCut())
                .put("answer_cut", answer.cut());
        if (answer.trained() != null) {
            ArrayNode trained = line.putArray("trained");
            for (int i = 0; i < answer.trained().length; i++) {
                trained.add(answer.isTrained(i));
            }
        }
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
