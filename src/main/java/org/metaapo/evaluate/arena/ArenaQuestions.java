package org.metaapo.evaluate.arena;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;

/**
 * Arena-Hard's questions.
 *
 * @param byCategory their ids
 */
public record ArenaQuestions(Map<String, Set<String>> byCategory) {
    /** Questions of the official sets, whose file need not be given. */
    private static final Map<String, Integer> OFFICIAL = Map.of("hard_prompt", 500, "creative_writing", 250, ArenaJudgment.OLD_CATEGORY, 500);

    /** Reads {@code question.jsonl} of either version. */
    public static ArenaQuestions read(Path file) {
        Map<String, Set<String>> byCategory = new LinkedHashMap<>();
        for (JsonFields row : JsonFields.lines(file)) {
            String id = row.text(row.isAbsent("uid") ? "question_id" : "uid");
            String category = row.textOrNull("category");
            if (!byCategory.computeIfAbsent(category == null ? ArenaJudgment.OLD_CATEGORY : category, name -> new LinkedHashSet<>()).add(id)) {
                throw new DataException(row.where() + ": question " + id + " again; expected each once");
            }
        }
        return new ArenaQuestions(byCategory);
    }

    /** No file is given. */
    public static ArenaQuestions unknown() {
        return new ArenaQuestions(Map.of());
    }

    /**
     * How many a category has.
     *
     * @param seen the ids that the judgments have, which is all where nothing else is known
     */
    int count(String category, Set<String> seen) {
        return byCategory.containsKey(category) ? byCategory.get(category).size() : OFFICIAL.getOrDefault(category, seen.size());
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
