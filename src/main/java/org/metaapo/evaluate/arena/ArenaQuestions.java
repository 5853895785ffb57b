package org.metaapo.evaluate.arena;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.DoubtfulQuestions;
import org.metaapo.evaluate.JsonFields;

/**
 * Arena-Hard's questions.
 *
 * @param list in the order of the file
 * @param byCategory their ids
 */
public record ArenaQuestions(List<Question> list, Map<String, Set<String>> byCategory) {
    /** Questions of the official sets, whose file need not be given. */
    private static final Map<String, Integer> OFFICIAL = Map.of("hard_prompt", 500, "creative_writing", 250, ArenaJudgment.OLD_CATEGORY, 500);

    /**
     * A question.
     *
     * @param id its name
     * @param category of which it is one
     * @param prompt what is asked
     */
    public record Question(String id, String category, String prompt) {}

    /** Reads {@code question.jsonl} of either version. */
    public static ArenaQuestions read(Path file) {
        List<Question> list = new ArrayList<>();
        Map<String, Set<String>> byCategory = new LinkedHashMap<>();
        for (JsonFields row : JsonFields.lines(file)) {
            boolean isNew = !row.isAbsent("uid");
            String id = row.text(isNew ? "uid" : "question_id");
            String named = row.textOrNull("category");
            String category = named == null ? ArenaJudgment.OLD_CATEGORY : named;
            if (!byCategory.computeIfAbsent(category, name -> new LinkedHashSet<>()).add(id)) {
                throw new DataException(row.where() + ": question " + id + " again; expected each once");
            }
            list.add(new Question(id, category, isNew ? row.text("prompt") : row.node().path("turns").path(0).path("content").asText()));
        }
        return new ArenaQuestions(List.copyOf(list), byCategory);
    }

    /** No file is given. */
    public static ArenaQuestions unknown() {
        return new ArenaQuestions(List.of(), Map.of());
    }

    /** All ids of the file; empty without one. */
    public Set<String> ids() {
        return list.stream().map(Question::id).collect(Collectors.toSet());
    }

    /** Those that are left where some are not looked at. */
    public ArenaQuestions without(DoubtfulQuestions some) {
        Map<String, Set<String>> left = new LinkedHashMap<>();
        byCategory.forEach((category, ids) -> left.put(category, ids.stream().filter(id -> !some.has(id)).collect(Collectors.toCollection(LinkedHashSet::new))));
        return new ArenaQuestions(list.stream().filter(question -> !some.has(question.id())).toList(), left);
    }

    /**
     * How many a category has.
     *
     * @param seen the ids that the judgments have, which is all where nothing else is known
     */
    int count(String category, Set<String> seen) {
        return byCategory.containsKey(category) ? byCategory.get(category).size() : OFFICIAL.getOrDefault(category, seen.size());
    }

    /** Whether it is known how many a category has. */
    boolean isKnown(String category) {
        return byCategory.containsKey(category) || OFFICIAL.containsKey(category);
    }

    /** Refuses judgments of other questions. */
    void check(List<ArenaJudgment> rows) {
        for (ArenaJudgment row : rows) {
            if (!byCategory.isEmpty() && !byCategory.getOrDefault(row.category(), Set.of()).contains(row.question())) {
                throw new DataException(row.row().where() + ": question " + row.question() + " of category " + row.category() + " is not among the questions");
            }
        }
    }
}
