package org.metaapo.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/**
 * Questions whose reference the user doubts. They count as all others do; figures without them stand beside.
 *
 * @param ids of the questions, or instructions
 * @param file where they are listed; null for none
 */
public record DoubtfulQuestions(Set<String> ids, Path file) {
    private static final int MOST_LISTED = 5;
    private static final int MOST_SHOWN = 40;

    /**
     * Reads a list: a line each, or one JSON list of texts or whole numbers.
     *
     * @param file null for none
     * @throws DataException if it is empty, or has one twice
     */
    public static DoubtfulQuestions read(Path file) {
        Set<String> ids = new LinkedHashSet<>();
        if (file == null) {
            return new DoubtfulQuestions(ids, null);
        }
        String text = StrictText.read(file);
        for (String id : text.stripLeading().startsWith("[") ? list(text, file) : text.lines().filter(line -> !line.isBlank()).toList()) {
            if (!ids.add(id)) {
                throw new DataException(file + ": " + shown(id) + " again; expected each once");
            }
        }
        if (ids.isEmpty()) {
            throw new DataException(file + ": no questions; expected a question's id or an instruction a line, or a JSON list of them");
        }
        return new DoubtfulQuestions(ids, file);
    }

    private static List<String> list(String text, Path file) {
        List<String> ids = new ArrayList<>();
        JsonNode list = Json.parse(text, file.toString());
        for (JsonNode id : list) {
            if (!id.isTextual() && !id.isIntegralNumber()) {
                throw new DataException(file + ": " + Json.describe(id) + "; expected questions' ids or instructions");
            }
            ids.add(id.asText());
        }
        return ids;
    }

    public boolean isEmpty() {
        return ids.isEmpty();
    }

    public boolean has(String question) {
        return ids.contains(question);
    }

    /** Refuses questions that are not among those of the benchmark, and all of them. */
    public void check(Collection<String> known) {
        List<String> unknown = ids.stream().filter(id -> !known.contains(id)).map(DoubtfulQuestions::shown).toList();
        if (!unknown.isEmpty()) {
            throw new DataException("--doubtful " + file + ": " + unknown.size() + " questions that the benchmark does not have: "
                    + String.join(", ", unknown.subList(0, Math.min(MOST_LISTED, unknown.size()))) + (unknown.size() > MOST_LISTED ? ", …" : "") + "; expected ids, or instructions character by character");
        }
    }

    /**
     * The rows of all other questions.
     *
     * @param of what each score is made of: a model, a category of it
     * @throws DataException where nothing is left of one
     */
    public <T> List<T> others(List<T> rows, Function<T, String> question, Function<T, String> of) {
        List<T> others = rows.stream().filter(row -> !has(question.apply(row))).toList();
        Set<String> left = others.stream().map(of).collect(Collectors.toSet());
        rows.stream().map(of).filter(name -> !left.contains(name)).findFirst().ifPresent(name -> {
            throw new DataException(name + ": --doubtful " + file + " names all that is judged; expected some questions that are not doubtful");
        });
        return others;
    }

    /**
     * Both results as one: all figures, and those without the doubtful questions beside.
     *
     * @param all of all questions
     * @param without of those that are not doubtful
     */
    public EvaluationResult beside(EvaluationResult all, EvaluationResult without) {
        ObjectNode metrics = all.metrics();
        ObjectNode listed = metrics.putObject("doubtful").put("n_doubtful", ids.size());
        ids.forEach(listed.putArray("questions")::add);
        // What both share is said once.
        ObjectNode rest = without.metrics().deepCopy();
        rest.properties().removeIf(field -> !(field.getValue().isArray() && field.getValue().path(0).isObject()) && field.getValue().equals(metrics.get(field.getKey())));
        metrics.set("without_doubtful", rest);
        List<String> notes = new ArrayList<>(all.notes());
        List<String> names = ids.stream().limit(MOST_LISTED).map(DoubtfulQuestions::shown).toList();
        notes.add(ids.size() + " questions are doubtful (" + String.join(", ", names) + (ids.size() > MOST_LISTED ? ", …" : "") + "): they count, and figures without them stand beside");
        without.notes().stream().filter(note -> !notes.contains(note)).map(note -> "without doubtful questions: " + note).forEach(notes::add);
        return new EvaluationResult(metrics, all.table() + "\nwithout " + ids.size() + " doubtful questions\n" + without.table(), notes, all.files());
    }

    private static String shown(String id) {
        return id.length() > MOST_SHOWN ? '"' + id.substring(0, MOST_SHOWN - 1) + "…\"" : id;
    }
}
