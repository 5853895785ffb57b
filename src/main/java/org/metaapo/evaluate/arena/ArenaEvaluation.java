package org.metaapo.evaluate.arena;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.TextTable;
import org.metaapo.files.Json;

/** Arena-Hard's scores from judgments alone. */
public final class ArenaEvaluation {
    private ArenaEvaluation() {}

    /**
     * Scores models.
     *
     * @param models the judgments of each, all by one judge
     * @param pool those of the models that each of them is fitted with; where there are none, all are fitted together
     * @param styles lengths and Markdown of all answers; null without style control
     * @throws DataException for two judges, a model twice, or too few verdicts
     */
    public static EvaluationResult of(
            List<List<ArenaJudgment>> models, List<List<ArenaJudgment>> pool, ArenaQuestions questions, ArenaStyles styles, ArenaOptions options) {
        List<List<ArenaJudgment>> all = new ArrayList<>(models);
        all.addAll(pool);
        ArenaJudgment first = all.get(0).get(0);
        Set<String> names = new HashSet<>();
        Set<String> categories = new LinkedHashSet<>();
        for (List<ArenaJudgment> rows : all) {
            first.judge().same(rows.get(0).judge(), rows.get(0).row().where());
            if (!names.add(rows.get(0).model())) {
                throw new DataException(rows.get(0).row().where() + ": model " + rows.get(0).model() + " is given twice; expected each once, or --repeats N for repeats of its judging");
            }
            questions.check(rows);
            rows.forEach(row -> categories.add(row.category()));
        }
        for (String asked : options.categories()) {
            if (!categories.contains(asked)) {
                throw new UsageException("--category " + asked + ": the judgments have none of it; found " + String.join(", ", categories));
            }
        }
        ObjectNode json = Json.mapper().createObjectNode().put("benchmark", "arena_hard").put("protocol", options.version().toString())
                .put("judge", first.judge().judge());
        json.set(JudgeSetup.FIELD, first.judge().setup());
        json.put("seed", options.resamples().seed()).put("bootstrap_rounds", options.resamples().rounds());
        options.features().forEach(feature -> json.withArray("style_features").add(feature.id()));
        List<String> notes = new ArrayList<>();
        TextTable table = new TextTable("model", "category", "score", "interval", "style-controlled", "interval", "shown first", "second", "judged");
        for (String category : categories) {
            if (options.categories().isEmpty() || options.categories().contains(category)) {
                List<List<ArenaJudgment>> scored = of(models, category);
                all.stream().filter(rows -> rows.stream().noneMatch(row -> row.category().equals(category))).forEach(rows ->
                        notes.add(rows.get(0).model() + ", " + category + ": no judgments, and no score"));
                if (!scored.isEmpty()) {
                    new ArenaCategory(category, scored, of(pool, category), questions, options, styles == null ? null : styles::of,
                            json.withArray("categories").addObject(), table, notes).score(scored);
                }
            }
        }
        return new EvaluationResult(json, table.toString(), notes, Map.of());
    }

    private static List<List<ArenaJudgment>> of(List<List<ArenaJudgment>> models, String category) {
        return models.stream().map(rows -> rows.stream().filter(row -> row.category().equals(category)).toList()).filter(rows -> !rows.isEmpty()).toList();
    }
}
