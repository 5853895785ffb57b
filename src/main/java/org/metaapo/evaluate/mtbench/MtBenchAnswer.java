package org.metaapo.evaluate.mtbench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.judge.Marks;
import org.metaapo.files.Json;

/**
 * A line of {@code model_answer/<model>.jsonl}, or of {@code reference_answer/<judge>.jsonl}.
 *
 * @param question its id
 * @param model whose answer it is
 * @param turns the answers to its turns, of the first choice
 * @param row as it stands in the file
 */
public record MtBenchAnswer(int question, String model, List<String> turns, JsonFields row) {
    /**
     * The answers of one model.
     *
     * @throws DataException for two models, or a question that occurs twice
     */
    public static List<MtBenchAnswer> read(Path file) {
        List<MtBenchAnswer> answers = JsonFields.lines(file).stream()
                .map(row -> new MtBenchAnswer(row.whole("question_id"), row.text("model_id"), turns(row), row)).toList();
        String model = answers.get(0).model();
        Set<Integer> seen = new HashSet<>();
        for (MtBenchAnswer answer : answers) {
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

    /** Whether one of the first turns holds a line that parts what a judge is shown. */
    boolean holds(Marks marks, int turns) {
        return this.turns.subList(0, turns).stream().anyMatch(marks::areIn);
    }

    /**
     * The answers to all turns of the questions, by question.
     *
     * @throws DataException that lists questions without one, unless some may be
     */
    static Map<Integer, MtBenchAnswer> whole(List<MtBenchAnswer> answers, List<MtBenchQuestions.Question> questions, boolean allowPartial) {
        Map<Integer, MtBenchAnswer> byQuestion = new HashMap<>();
        answers.forEach(answer -> byQuestion.put(answer.question(), answer));
        List<String> missing = new ArrayList<>();
        for (MtBenchQuestions.Question question : questions) {
            MtBenchAnswer answer = byQuestion.get(question.id());
            if (answer == null || answer.turns().size() < question.turns().size()) {
                missing.add(Integer.toString(question.id()));
                byQuestion.remove(question.id());
            }
        }
        if (!missing.isEmpty() && !allowPartial) {
            throw new DataException(answers.get(0).model() + ": " + missing.size() + " of " + questions.size() + " questions have no answer: "
                    + String.join(", ", missing) + "; expected all, or --allow-partial");
        }
        return byQuestion;
    }

    private static List<String> turns(JsonFields row) {
        JsonNode turns = row.node().path("choices").path(0).path("turns");
        List<String> texts = new ArrayList<>();
        turns.forEach(turn -> texts.add(turn.textValue()));
        if (texts.isEmpty() || texts.contains(null)) {
            throw new DataException(row.where() + ": choices[0].turns is " + Json.describe(turns) + "; expected a list of texts");
        }
        return texts;
    }

    /**
     * A line of such a file.
     *
     * @param id of the answer
     * @param seconds when it was made, since 1970
     */
    public static ObjectNode line(int question, String id, String model, List<String> turns, double seconds) {
        ObjectNode line = Json.mapper().createObjectNode().put("question_id", question).put("answer_id", id).put("model_id", model);
        ObjectNode choice = line.putArray("choices").addObject().put("index", 0);
        turns.forEach(choice.withArray("turns")::add);
        return line.put("tstamp", seconds);
    }
}
