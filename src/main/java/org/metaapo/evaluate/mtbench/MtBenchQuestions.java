package org.metaapo.evaluate.mtbench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.DoubtfulQuestions;
import org.metaapo.evaluate.JsonFields;

/**
 * MT-Bench's questions.
 *
 * @param list in the order of the file; empty where only the ids are known
 * @param categories of each id
 */
public record MtBenchQuestions(List<Question> list, Map<Integer, String> categories) {
    private static final int FIRST = 81;
    private static final int PER_CATEGORY = 10;
    private static final List<String> OFFICIAL = List.of("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities");

    /**
     * A question.
     *
     * @param id its number
     * @param category of which it is one
     * @param turns what is asked, one after the other
     * @param reference answers to the turns that the file itself gives; empty for none
     */
    public record Question(int id, String category, List<String> turns, List<String> reference) {}

    /** The official ids and their categories. */
    public static MtBenchQuestions official() {
        Map<Integer, String> categories = new LinkedHashMap<>();
        for (int i = 0; i < OFFICIAL.size() * PER_CATEGORY; i++) {
            categories.put(FIRST + i, OFFICIAL.get(i / PER_CATEGORY));
        }
        return new MtBenchQuestions(List.of(), categories);
    }

    /** Reads {@code question.jsonl}. */
    public static MtBenchQuestions read(Path file) {
        List<Question> list = new ArrayList<>();
        Map<Integer, String> categories = new LinkedHashMap<>();
        for (JsonFields row : JsonFields.lines(file)) {
            if (categories.put(row.whole("question_id"), row.text("category")) != null) {
                throw new DataException(row.where() + ": question " + row.whole("question_id") + " again; expected each once");
            }
            List<String> reference = row.isAbsent("reference") ? List.of() : row.texts("reference");
            list.add(new Question(row.whole("question_id"), row.text("category"), row.texts("turns"), reference));
        }
        return new MtBenchQuestions(List.copyOf(list), categories);
    }

    /** All ids, as texts. */
    public Set<String> ids() {
        return categories.keySet().stream().map(String::valueOf).collect(Collectors.toSet());
    }

    /** Those that are left where some are not looked at. */
    public MtBenchQuestions without(DoubtfulQuestions some) {
        Map<Integer, String> left = new LinkedHashMap<>(categories);
        left.keySet().removeIf(id -> some.has(Integer.toString(id)));
        return new MtBenchQuestions(list.stream().filter(question -> left.containsKey(question.id())).toList(), left);
    }

    /** What a turn asks; the question's number where only that is known. */
    public String text(int question, int turn) {
        return list.stream().filter(one -> one.id() == question && one.turns().size() >= turn).findFirst().map(one -> one.turns().get(turn - 1)).orElse("question " + question);
    }

    /** The category of a question; a DataException for an unknown one. */
    String category(int question, String where) {
        String category = categories.get(question);
        if (category == null) {
            throw new DataException(where + ": question " + question + " is not among the " + categories.size() + " questions");
        }
        return category;
    }
}
