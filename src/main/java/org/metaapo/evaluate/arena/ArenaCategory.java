package org.metaapo.evaluate.arena;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiFunction;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.Coverage;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.TextTable;
import org.metaapo.evaluate.style.AnswerStyle;
import org.metaapo.evaluate.style.StyleFeature;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;

/** The scores of one category of Arena-Hard: no score goes over several. */
final class ArenaCategory {
    private final String name;
    private final ArenaOptions options;
    private final BiFunction<String, String, AnswerStyle> styles;
    private final List<List<ArenaJudgment>> pool;
    private final String baseline;
    private final int expected;
    private final ObjectNode json;
    private final TextTable table;
    private final List<String> notes;

    /**
     * A category.
     *
     * @param models the judgments of each model that is scored
     * @param pool the judgments of each model that is only compared with
     * @param json gets the figures
     * @param table gets a row a model
     * @param notes gets what people should know
     */
    ArenaCategory(
            String name, List<List<ArenaJudgment>> models, List<List<ArenaJudgment>> pool, ArenaQuestions questions, ArenaOptions options,
            BiFunction<String, String, AnswerStyle> styles, ObjectNode json, TextTable table, List<String> notes) {
        this.name = name;
        this.options = options;
        this.styles = styles;
        this.pool = pool;
        this.json = json;
        this.table = table;
        this.notes = notes;
        List<ArenaJudgment> all = new ArrayList<>();
        models.forEach(all::addAll);
        pool.forEach(all::addAll);
        this.baseline = all.get(0).baseline();
        Set<String> seen = new LinkedHashSet<>();
        for (ArenaJudgment row : all) {
            if (!row.baseline().equals(baseline)) {
                throw new DataException(row.row().where() + ": baseline " + row.baseline() + ", rows of category " + name + " before it have " + baseline + "; expected one");
            }
            if (row.model().equals(baseline)) {
                throw new DataException(row.row().where() + ": model " + baseline + " is the baseline itself");
            }
            seen.add(row.question());
        }
        this.expected = questions.count(name, seen) * (options.version() == ArenaVersion.V01 ? 2 : 1);
        if (!questions.isKnown(name)) {
            notes.add("category " + name + ": " + seen.size() + " questions by the judgments alone; --questions FILE says whether some are missing");
        }
        json.put("category", name).put("baseline", baseline);
    }

    /** Scores the models: together, or each with the fixed pool alone. */
    void score(List<List<ArenaJudgment>> models) {
        models.forEach(rows -> check(rows, true));
        pool.forEach(rows -> check(rows, false));
        if (pool.isEmpty()) {
            fit(models, models);
            return;
        }
        for (List<ArenaJudgment> model : models) {
            List<List<ArenaJudgment>> together = new ArrayList<>(pool);
            together.add(model);
            fit(together, List.of(model));
        }
    }

    private void check(List<ArenaJudgment> rows, boolean isScored) {
        Coverage coverage = coverage(rows);
        String model = rows.get(0).model();
        coverage.check(model + ", " + name, options.allowPartial());
        if (coverage.isPartial()) {
            notes.add(model + ", " + name + ": partial, " + coverage.judged() + " of " + expected + " judged (" + coverage.words() + ")");
        }
        if (isScored) {
            ObjectNode one = json.withArray("models").addObject().put("name", model);
            coverage.put(one);
            rows.stream().filter(row -> row.isUnparsed(0, options.version()) || row.isUnparsed(1, options.version()))
                    .forEach(row -> one.withArray("unparsed_questions").add(row.question()));
            rows.stream().filter(row -> row.conflicts() > 0).forEach(row -> one.withArray("conflicting_questions").add(row.question()));
            one.put("win_rate_shown_second", EvaluationResult.finite(atGame(rows, 0))).put("win_rate_shown_first", EvaluationResult.finite(atGame(rows, 1)));
        }
    }

    private Coverage coverage(List<ArenaJudgment> rows) {
        int judged = 0;
        int unparsed = 0;
        int all = 0;
        for (ArenaJudgment row : rows) {
            if (options.version() == ArenaVersion.V01) {
                for (int game = 0; game < 2; game++) {
                    judged += row.verdict(game, options.version()).isPresent() ? 1 : 0;
                    unparsed += row.isUnparsed(game, options.version()) ? 1 : 0;
                    all++;
                }
            } else {
                judged += row.battles(options.version()).isEmpty() ? 0 : 1;
                // A game without a reply makes the row a failed one, whatever the other says.
                unparsed += row.battles(options.version()).isEmpty() && row.replied().stream().allMatch(replied -> replied) ? 1 : 0;
                all++;
            }
        }
        return new Coverage(expected, judged, unparsed, all - judged - unparsed, rows.stream().mapToInt(ArenaJudgment::conflicts).sum());
    }

    /** Mean outcome in one of the games, in percent; NaN without a verdict. */
    private double atGame(List<ArenaJudgment> rows, int game) {
        return 100 * StatUtils.mean(rows.stream().flatMap(row -> row.verdict(game, options.version()).stream())
                .mapToDouble(verdict -> game == 1 ? verdict.score() : 1 - verdict.score()).toArray());
    }

    private void fit(List<List<ArenaJudgment>> together, List<List<ArenaJudgment>> shown) {
        List<Battle> battles = new ArrayList<>();
        together.forEach(rows -> rows.forEach(row -> battles.addAll(row.battles(options.version()))));
        ObjectNode fit = json.withArray("pools").addObject();
        TreeSet<String> models = new TreeSet<>(together.stream().map(rows -> rows.get(0).model()).toList());
        models.forEach(fit.withArray("pool")::add);
        fit.put("pool_sha256", hash(together)).put("n_battles", battles.stream().mapToInt(Battle::weight).sum());
        boolean isOld = options.version() == ArenaVersion.V01;
        List<ModelScore> plain = isOld ? elo(battles, List.of(), fit.putObject("no_style")) : plain(battles, fit.putObject("no_style"));
        List<ModelScore> styled = options.features().isEmpty() ? List.of()
                : isOld ? elo(battles, options.features(), fit.putObject("style")) : styled(battles, fit.putObject("style"));
        for (List<ArenaJudgment> rows : shown) {
            String model = rows.get(0).model();
            ModelScore score = of(plain, model);
            ModelScore controlled = styled.isEmpty() ? null : of(styled, model);
            table.row(model, name, points(score.printed()), interval(score), controlled == null ? "–" : points(controlled.printed()),
                    controlled == null ? "–" : interval(controlled), points(atGame(rows, 1) / 100), points(atGame(rows, 0) / 100),
                    coverage(rows).judged() + "/" + expected);
        }
    }

    private static ModelScore of(List<ModelScore> scores, String model) {
        return scores.stream().filter(score -> score.model().equals(model)).findFirst().orElseThrow();
    }

    private List<ModelScore> plain(List<Battle> battles, ObjectNode out) {
        List<ModelScore> scores = PlainScore.of(battles, options.resamples());
        out.put("interval", "5 % and 95 % quantiles");
        scores.forEach(score -> put(out, score));
        return scores;
    }

    private List<ModelScore> styled(List<Battle> battles, ObjectNode out) {
        StyleControlledScore found = StyleControlledScore.of(battles, baseline, options.features(), styles, options.solver(), options.resamples());
        out.put("solver", options.solver().toString()).put("interval", "5 % and 95 % quantiles");
        coefficients(out, found.models(), found.features(), found.coefficients());
        found.scores().forEach(score -> put(out, score));
        return found.scores();
    }

    /** Ratings go to the figures, win rates to the table. */
    private List<ModelScore> elo(List<Battle> battles, List<StyleFeature> features, ObjectNode out) {
        EloScore found = EloScore.of(battles, baseline, features, styles, options.resamples());
        out.put("solver", ArenaSolver.EXACT.toString()).put("interval", "2.5 % and 97.5 % quantiles");
        coefficients(out, List.of(), features, found.styleCoefficients());
        List<ModelScore> rates = new ArrayList<>();
        double anchor = of(found.ratings(), baseline).point();
        for (int m = 0; m < found.models().size(); m++) {
            ModelScore rating = found.ratings().get(m);
            double rate = found.winRates().get(m);
            ModelScore score = new ModelScore(rating.model(), rate, rate, rate(rating.low(), anchor), rate(rating.high(), anchor), rating.battles());
            put(out, score).put("rating", rating.point()).put("rating_q025", rating.low()).put("rating_q975", rating.high());
            rates.add(score);
        }
        return rates;
    }

    private static double rate(double rating, double anchor) {
        return 1 / (1 + Math.pow(10, (anchor - rating) / 400));
    }

    private static void coefficients(ObjectNode out, List<String> models, List<StyleFeature> features, double[] values) {
        ObjectNode names = out.putObject("coefficients");
        for (int i = 0; i < values.length; i++) {
            names.put(i < models.size() ? models.get(i) : features.get(i - models.size()).id(), values[i]);
        }
    }

    private static ObjectNode put(ObjectNode out, ModelScore score) {
        return out.withArray("scores").addObject().put("model", score.model()).put("score", 100 * score.point()).put("score_printed", 100 * score.printed())
                .put("ci_low", 100 * score.low()).put("ci_high", 100 * score.high()).put("n_battles", score.battles());
    }

    /** Of all that enters the fit: which models, verdicts and styles. */
    private String hash(List<List<ArenaJudgment>> together) {
        List<String> lines = new ArrayList<>();
        together.forEach(rows -> rows.forEach(row -> {
            List<Object> entry = new ArrayList<>(List.of(row.model(), row.question(), Arrays.asList(row.labels().toArray())));
            if (!options.features().isEmpty() && !row.battles(options.version()).isEmpty()) {
                entry.add(styles.apply(row.question(), row.model()).values());
                entry.add(styles.apply(row.question(), baseline).values());
            }
            lines.add(Json.write(entry));
        }));
        MessageDigest digest = Digests.sha256();
        digest.update((name + '\n' + baseline + '\n').getBytes(StandardCharsets.UTF_8));
        lines.stream().sorted().forEach(line -> digest.update((line + '\n').getBytes(StandardCharsets.UTF_8)));
        return HexFormat.of().formatHex(digest.digest());
    }

    private static String points(double share) {
        return Double.isNaN(share) ? "–" : String.format(Locale.ROOT, "%.1f", 100 * share);
    }

    private static String interval(ModelScore score) {
        return "[" + points(score.low()) + ", " + points(score.high()) + "]";
    }
}
