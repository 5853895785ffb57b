package org.metaapo.evaluate.page;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.stream.Stream;
import org.metaapo.evaluate.alpaca.Annotation;
import org.metaapo.evaluate.arena.ArenaAnswer;
import org.metaapo.evaluate.arena.ArenaJudgment;
import org.metaapo.evaluate.arena.ArenaQuestions;
import org.metaapo.evaluate.arena.ArenaVersion;
import org.metaapo.evaluate.arena.Battle;
import org.metaapo.evaluate.mtbench.MtBenchQuestions;
import org.metaapo.evaluate.mtbench.PairJudgment;
import org.metaapo.evaluate.mtbench.SingleJudgment;

/**
 * All that was judged of a model.
 *
 * @param model its name
 * @param items in the order of the file
 */
public record ModelView(String model, List<JudgedItem> items) {
    private static final int FULL = 100;

    /** All repeats as one: each model with the items of all of them. */
    public static List<ModelView> of(List<List<ModelView>> repeats) {
        if (repeats.size() == 1) {
            return repeats.get(0);
        }
        Map<String, List<JudgedItem>> items = new LinkedHashMap<>();
        for (int r = 0; r < repeats.size(); r++) {
            for (ModelView view : repeats.get(r)) {
                int number = r + 1;
                view.items().forEach(item -> items.computeIfAbsent(view.model(), model -> new ArrayList<>()).add(item.in(number)));
            }
        }
        return items.entrySet().stream().map(entry -> new ModelView(entry.getKey(), entry.getValue())).toList();
    }

    /** Of AlpacaEval's annotations: win rates in percent. */
    public static ModelView alpaca(List<Annotation> rows) {
        List<JudgedItem> items = new ArrayList<>();
        for (Annotation row : rows) {
            Double share = row.isJudged() ? percent(row.preference()) : null;
            items.add(new JudgedItem(row.instruction(), row.instruction(), row.row().textOrNull("dataset"), row.instruction(), row.output(), row.baselineOutput(), share,
                    share == null ? "none" : share > 50 ? "model" : share < 50 ? "baseline" : "tie", said(row), row.output().codePointCount(0, row.output().length()),
                    percent(row.preferenceAt(true)), percent(row.preferenceAt(false))));
        }
        return new ModelView(rows.get(0).model(), items);
    }

    private static Double percent(Double preference) {
        return preference == null ? null : preference == 0 ? (Double) 50.0 : preference >= 1 && preference <= 2 ? (Double) (FULL * (preference - 1)) : null;
    }

    private static String said(Annotation row) {
        JsonNode node = row.row().node();
        if (node.hasNonNull("failure")) {
            return "failed: " + node.path("failure").asText();
        }
        if (node.has("reward_1")) {
            return String.format(Locale.ROOT, "rewards: baseline %.4f, model %.4f", node.path("reward_1").asDouble(), node.path("reward_2").asDouble());
        }
        StringJoiner lines = new StringJoiner("\n");
        for (JsonNode raw : node.path("preference_raw_completion").isArray() ? node.path("preference_raw_completion") : node.path("raw_completion")) {
            StringJoiner tokens = new StringJoiner(", ", "first token: ", "");
            raw.path("log_probs").properties().forEach(token ->
                    tokens.add(String.format(Locale.ROOT, "\"%s\" %.1f %%", token.getKey(), FULL * Math.exp(token.getValue().asDouble()))));
            lines.add(raw.path("log_probs").isEmpty() ? raw.path("text").asText() : tokens.toString());
        }
        return lines.length() > 0 ? lines.toString() : row.output().equals(row.baselineOutput()) ? "equal answers: a tie without a call" : "";
    }

    /**
     * Of Arena-Hard's judgments: outcomes in percent, strong verdicts three times.
     *
     * @param files of answers, as far as they are given
     */
    public static List<ModelView> arena(List<List<ArenaJudgment>> models, ArenaVersion version, ArenaQuestions questions, List<Path> files) {
        Map<String, Map<String, String>> answers = new HashMap<>();
        files.forEach(file -> ArenaAnswer.read(file).forEach(answer ->
                answers.computeIfAbsent(answer.model(), model -> new HashMap<>()).put(answer.question(), answer.text())));
        Map<String, String> prompts = new HashMap<>();
        questions.list().forEach(question -> prompts.put(question.id(), question.prompt()));
        return models.stream().map(rows -> ofArena(rows, version, answers, prompts)).toList();
    }

    private static ModelView ofArena(List<ArenaJudgment> rows, ArenaVersion version, Map<String, Map<String, String>> answers, Map<String, String> prompts) {
        List<JudgedItem> items = new ArrayList<>();
        for (ArenaJudgment row : rows) {
            List<Battle> battles = row.battles(version);
            int weight = battles.stream().mapToInt(Battle::weight).sum();
            Double score = battles.isEmpty() ? null : (Double) (FULL * battles.stream().mapToDouble(battle -> battle.weight() * battle.outcome()).sum() / weight);
            StringJoiner said = new StringJoiner("\n\n");
            for (int game = 0; game < 2; game++) {
                JsonNode node = row.row().node().path("games").path(game);
                String reply = node.path("judgment").isObject() ? node.path("judgment").path("answer").asText("") : node.path("judgment").asText("");
                said.add((game == 0 ? "Game 1, the model is B:\n" : "Game 2, the model is A:\n") + (node.has("failure") ? "failed: " + node.path("failure").asText() : reply));
            }
            String answer = answers.getOrDefault(row.model(), Map.of()).get(row.question());
            items.add(new JudgedItem(row.question(), row.question(), row.category(), prompts.getOrDefault(row.question(), asked(row)), answer,
                    answers.getOrDefault(row.baseline(), Map.of()).get(row.question()), score, shown(row.labels().get(0)) + ", " + shown(row.labels().get(1)),
                    said.toString(), answer == null ? null : answer.codePointCount(0, answer.length()), at(row, 1, version), at(row, 0, version)));
        }
        return new ModelView(rows.get(0).model(), items);
    }

    private static String shown(String label) {
        return label == null ? "none" : label;
    }

    private static Double at(ArenaJudgment row, int game, ArenaVersion version) {
        return row.verdict(game, version).map(verdict -> FULL * (game == 1 ? verdict.score() : 1 - verdict.score())).orElse(null);
    }

    private static String asked(ArenaJudgment row) {
        JsonNode game = row.row().node().path("games").path(0);
        JsonNode turns = game.path("prompt");
        return turns.isArray() && !turns.isEmpty() ? turns.path(turns.size() - 1).path("content").asText() : game.path("user_prompt").asText(row.question());
    }

    /** Of MT-Bench's ratings, from 1 to 10, of each model. */
    public static List<ModelView> mtBench(List<SingleJudgment> rows, MtBenchQuestions questions) {
        return rows.stream().map(SingleJudgment::model).distinct()
                .map(model -> ofMtBench(rows.stream().filter(row -> row.model().equals(model)).toList(), questions)).toList();
    }

    /** Of MT-Bench's games, in percent, of each model: a turn is won where both games say so. */
    public static List<ModelView> mtBenchPairs(List<PairJudgment> rows, MtBenchQuestions questions) {
        return rows.stream().flatMap(row -> Stream.of(row.model1(), row.model2())).distinct()
                .map(model -> ofPairs(rows.stream().filter(row -> row.isOf(model)).toList(), model, questions)).toList();
    }

    private static ModelView ofPairs(List<PairJudgment> rows, String model, MtBenchQuestions questions) {
        List<JudgedItem> items = new ArrayList<>();
        for (PairJudgment row : rows) {
            JsonNode node = row.row().node();
            String other = model.equals(row.model1()) ? row.model2() : row.model1();
            Double score = switch (row.winner()) {
                case ERROR -> null;
                case TIE -> 50.0;
                default -> FULL * row.outcome(model, 1);
            };
            items.add(new JudgedItem(row.question() + ", turn " + row.turn() + ", against " + other, Integer.toString(row.question()), questions.categories().get(row.question()), questions.text(row.question(), row.turn()), told(node, "g1_user_prompt"), null,
                    score, score == null ? "none" : score == 50 ? "tie" : score > 50 ? "won" : "lost",
                    node.hasNonNull("failure") ? "failed: " + node.path("failure").asText()
                            : "Game 1, " + row.model1() + " is A:\n" + node.path("g1_judgment").asText("") + "\n\nGame 2, " + row.model2() + " is A:\n" + node.path("g2_judgment").asText(""),
                    null, percentOf(row.outcomeAt(model, true)), percentOf(row.outcomeAt(model, false))));
        }
        return new ModelView(model, items);
    }

    /** All that the judge was told, the answers among it, which the judgments do not have apart. */
    private static String told(JsonNode row, String field) {
        return row.path(field).isTextual() ? row.path(field).asText() : null;
    }

    private static Double percentOf(Double share) {
        return share == null ? null : (Double) (FULL * share);
    }

    private static ModelView ofMtBench(List<SingleJudgment> rows, MtBenchQuestions questions) {
        List<JudgedItem> items = new ArrayList<>();
        for (SingleJudgment row : rows) {
            JsonNode node = row.row().node();
            items.add(new JudgedItem(row.question() + ", turn " + row.turn(), Integer.toString(row.question()), questions.categories().get(row.question()), questions.text(row.question(), row.turn()), told(node, "user_prompt"), null, row.score(),
                    row.score() == null ? "none" : row.score().toString().replaceFirst("\\.0$", ""),
                    node.hasNonNull("failure") ? "failed: " + node.path("failure").asText() : node.path("judgment").asText(""), null, null, null));
        }
        return new ModelView(rows.get(0).model(), items);
    }
}
