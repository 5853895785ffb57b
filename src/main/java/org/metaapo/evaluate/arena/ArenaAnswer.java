package org.metaapo.evaluate.arena;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.style.AnswerStyle;
import org.metaapo.evaluate.style.StyleCounts;
import org.metaapo.files.Json;

/**
 * A line of {@code model_answer/<model>.jsonl}, of either version.
 *
 * @param question its id
 * @param model whose answer it is
 * @param text the answer; null in a file of counts alone
 * @param row as it stands in the file
 */
public record ArenaAnswer(String question, String model, String text, JsonFields row) {
    /**
     * The answers of one model.
     *
     * @throws DataException for two models, or a question that occurs twice
     */
    public static List<ArenaAnswer> read(Path file) {
        List<ArenaAnswer> answers = JsonFields.lines(file).stream().map(row -> new ArenaAnswer(
                row.text(row.isAbsent("uid") ? "question_id" : "uid"), row.text(row.isAbsent("model") ? "model_id" : "model"), text(row.node()), row)).toList();
        String model = answers.get(0).model();
        Set<String> seen = new HashSet<>();
        for (ArenaAnswer answer : answers) {
            String where = answer.row().where();
            if (!answer.model().equals(model)) {
                throw new DataException(where + ": model " + answer.model() + ", rows before it have " + model + "; expected the answers of one model");
            }
            if (!seen.add(answer.question())) {
                throw new DataException(where + ": question " + answer.question() + " again; expected each once");
            }
        }
        return answers;
    }

    private static String text(JsonNode row) {
        JsonNode messages = row.path("messages");
        JsonNode last = messages.path(messages.size() - 1).path("content");
        JsonNode old = row.path("choices").path(0).path("turns").path(0).path("content");
        JsonNode text = messages.isArray() ? last.isObject() ? last.path("answer") : last : old;
        return text.isTextual() ? text.asText() : null;
    }

    /**
     * A line as v2.0 has it.
     *
     * @param id of the answer
     * @param seconds when it was made, since 1970
     */
    public static ObjectNode line(String question, String id, String model, String prompt, String answer, double seconds, AnswerStyle style) {
        ObjectNode line = Json.mapper().createObjectNode().put("uid", question).put("ans_id", id).put("model", model);
        line.putArray("messages").addObject().put("role", "user").put("content", prompt);
        line.withArray("messages").addObject().put("role", "assistant").putObject("content").put("answer", answer);
        line.put("tstamp", seconds);
        StyleCounts counts = style.counts();
        ObjectNode metadata = line.putObject("metadata").put("token_len", style.tokens());
        ObjectNode headers = metadata.putObject("header_count");
        for (int level = 1; level <= counts.headers().size(); level++) {
            headers.put("h" + level, counts.headers().get(level - 1));
        }
        metadata.putObject("list_count").put("ordered", counts.ordered()).put("unordered", counts.unordered());
        metadata.putObject("bold_count").put("**", counts.asterisks()).put("__", counts.underscores());
        return line;
    }
}
