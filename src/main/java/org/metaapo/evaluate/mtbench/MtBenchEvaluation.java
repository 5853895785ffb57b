package org.metaapo.evaluate.mtbench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.Coverage;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.TextTable;
import org.metaapo.files.Json;

/** MT-Bench's scores from judgments alone. */
public final class MtBenchEvaluation {
    private static final int TURNS = 2;

    private final MtBenchQuestions questions;
    private final int rounds;
    private final long seed;
    private final boolean allowPartial;

    /**
     * An evaluation.
     *
     * @param rounds of the bootstrap over questions
     * @param seed of it
     */
    public MtBenchEvaluation(MtBenchQuestions questions, int rounds, long seed, boolean allowPartial) {
        this.questions = questions;
        this.rounds = rounds;
        this.seed = seed;
        this.allowPartial = allowPartial;
    }

    private ObjectNode start(String mode, JudgeSetup judge) {
        ObjectNode json = Json.mapper().createObjectNode().put("benchmark", "mt_bench").put("mode", mode).put("judge", judge.judge());
        json.set(JudgeSetup.FIELD, judge.setup());
        return json;
    }

    private void check(Coverage coverage, String model, List<String> notes) {
        coverage.check(model, allowPartial);
        if (coverage.isPartial()) {
            notes.add(model + ": partial, " + coverage.judged() + " of " + coverage.expected() + " turns judged (" + coverage.words() + ")");
        }
    }

    /** Means of ratings, of one model or more, all by one judge. */
    public EvaluationResult single(List<SingleJudgment> rows) {
        JudgeSetup judge = rows.get(0).judge();
        Set<List<Object>> seen = new HashSet<>();
        Map<String, List<SingleJudgment>> byModel = new LinkedHashMap<>();
        for (SingleJudgment row : rows) {
            judge.same(row.judge(), row.row().where());
            questions.category(row.question(), row.row().where());
            if (!seen.add(List.of(row.model(), row.question(), row.turn()))) {
                throw new DataException(row.row().where() + ": question " + row.question() + ", turn " + row.turn() + " of " + row.model() + " again; expected each once, or --repeats N for repeats of its judging");
            }
            byModel.computeIfAbsent(row.model(), model -> new ArrayList<>()).add(row);
        }
        ObjectNode json = start("single", judge).put("seed", seed).put("bootstrap_rounds", rounds);
        TextTable table = new TextTable("model", "average", "95 % interval", "turn 1", "turn 2", "judged");
        Set<String> categories = new LinkedHashSet<>(questions.categories().values());
        List<String> heads = new ArrayList<>(List.of("model"));
        heads.addAll(categories);
        TextTable byCategory = new TextTable(heads.toArray(String[]::new));
        List<String> notes = new ArrayList<>();
        byModel.forEach((model, ratings) -> {
            int judged = (int) ratings.stream().filter(row -> row.score() != null).count();
            int unparsed = (int) ratings.stream().filter(row -> row.score() == null && row.isReplied()).count();
            Coverage coverage = new Coverage(TURNS * questions.categories().size(), judged, unparsed, ratings.size() - judged - unparsed,
                    (int) ratings.stream().filter(SingleJudgment::isConflicting).count());
            check(coverage, model, notes);
            TurnMeans means = TurnMeans.of(ratings, question -> questions.categories().get(question), rounds, seed);
            ObjectNode one = json.withArray("models").addObject().put("name", model).put("first_turn", EvaluationResult.finite(means.first()))
                    .put("second_turn", EvaluationResult.finite(means.second())).put("average", means.average())
                    .put("average_q025", means.low()).put("average_q975", means.high());
            ObjectNode perCategory = one.putObject("categories");
            List<String> cells = new ArrayList<>(List.of(model));
            for (String category : categories) {
                double[] byTurn = means.categoriesByTurn().get(category);
                if (byTurn != null) {
                    perCategory.putObject(category).put("average", means.categories().get(category))
                            .put("first_turn", EvaluationResult.finite(byTurn[0])).put("second_turn", EvaluationResult.finite(byTurn[1]));
                }
                cells.add(byTurn == null ? "–" : score(means.categories().get(category)));
            }
            coverage.put(one);
            ratings.stream().filter(row -> row.score() == null && row.isReplied()).forEach(row -> one.withArray("unparsed_questions").add(row.question()));
            ratings.stream().filter(SingleJudgment::isConflicting).forEach(row -> one.withArray("conflicting_questions").add(row.question()));
            table.row(model, score(means.average()), "[" + score(means.low()) + ", " + score(means.high()) + "]", score(means.first()), score(means.second()),
                    judged + "/" + coverage.expected());
            byCategory.row(cells.toArray(String[]::new));
        });
        return new EvaluationResult(json, table + "\n" + byCategory, notes, Map.of());
    }

    /** Rates of pairwise games, all by one judge: against one baseline, or of all pairs. */
    public EvaluationResult pairs(List<PairJudgment> rows) {
        JudgeSetup judge = rows.get(0).judge();
        Set<List<Object>> seen = new HashSet<>();
        Set<String> models = new LinkedHashSet<>();
        for (PairJudgment row : rows) {
            judge.same(row.judge(), row.row().where());
            questions.category(row.question(), row.row().where());
            if (!seen.add(List.of(Set.of(row.model1(), row.model2()), row.question(), row.turn()))) {
                throw new DataException(row.row().where() + ": question " + row.question() + ", turn " + row.turn() + " of " + row.model1() + " and "
                        + row.model2() + " again; expected each once, or --repeats N for repeats of its judging");
            }
            models.add(row.model1());
            models.add(row.model2());
        }
        ObjectNode json = start("pairwise", judge);
        TextTable table = new TextTable("model", "win rate", "loss rate", "adjusted", "shown first", "second", "wins", "losses", "ties", "judged");
        List<String> notes = new ArrayList<>();
        for (String model : models) {
            List<PairJudgment> own = rows.stream().filter(row -> row.isOf(model)).toList();
            PairRates rates = PairRates.of(own, model);
            long others = own.stream().map(row -> row.model1().equals(model) ? row.model2() : row.model1()).distinct().count();
            int failed = (int) own.stream().filter(row -> row.winner() == PairWinner.ERROR && !row.isReplied()).count();
            Coverage coverage = new Coverage((int) others * TURNS * questions.categories().size(), rates.total(), rates.errors() - failed, failed,
                    own.stream().mapToInt(PairJudgment::conflicts).sum());
            check(coverage, model, notes);
            double first = atPosition(own, model, true);
            double second = atPosition(own, model, false);
            ObjectNode one = json.withArray("models").addObject().put("name", model).put("win", rates.wins()).put("loss", rates.losses()).put("tie", rates.ties())
                    .put("win_rate", rates.winRate()).put("loss_rate", rates.lossRate()).put("win_rate_adjusted", rates.winRateAdjusted())
                    .put("win_rate_shown_first", EvaluationResult.finite(first)).put("win_rate_shown_second", EvaluationResult.finite(second));
            coverage.put(one);
            own.stream().filter(row -> row.winner() == PairWinner.ERROR && row.isReplied()).forEach(row -> one.withArray("unparsed_questions").add(row.question()));
            own.stream().filter(row -> row.conflicts() > 0).forEach(row -> one.withArray("conflicting_questions").add(row.question()));
            table.row(model, percent(rates.winRate()), percent(rates.lossRate()), percent(rates.winRateAdjusted()), percent(first), percent(second), Integer.toString(rates.wins()),
                    Integer.toString(rates.losses()), Integer.toString(rates.ties()), rates.total() + "/" + coverage.expected());
        }
        return new EvaluationResult(json, table.toString(), notes, Map.of());
    }

    /** Mean outcome of the games that show the model first, or second; NaN without one. */
    private static double atPosition(List<PairJudgment> rows, String model, boolean isFirst) {
        return StatUtils.mean(rows.stream().map(row -> row.outcomeAt(model, isFirst)).filter(Objects::nonNull).mapToDouble(Double::doubleValue).toArray());
    }

    private static String score(double value) {
        return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%.2f", value);
    }

    private static String percent(double share) {
        return Double.isNaN(share) ? "–" : String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }
}
