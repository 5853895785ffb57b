package org.metaapo.evaluate.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.Spread;
import org.metaapo.evaluate.TextTable;
import org.metaapo.files.Json;
import org.metaapo.report.HtmlPage;
import org.metaapo.statistics.Bootstrap;
import org.metaapo.statistics.Estimate;
import org.metaapo.statistics.Significance;

/**
 * Models side by side: means with 95 % intervals by a bootstrap over questions, and paired t tests against the first model over the questions that
 * both were judged on, with Holm's adjustment. Turns of one question are drawn together, and count as one difference.
 */
public final class EvaluationPage {
    private static final int MOST_ITEMS = 5000;

    private EvaluationPage() {}

    /** An estimate over a model's own questions. */
    private static Estimate mean(List<JudgedItem> items, Function<JudgedItem, Double> value, long seed) {
        List<double[]> byQuestion = byQuestion(items, value);
        return byQuestion.isEmpty() ? null : Bootstrap.pooled(byQuestion, seed);
    }

    /** The values of each question that has one. */
    private static List<double[]> byQuestion(List<JudgedItem> items, Function<JudgedItem, Double> value) {
        Map<String, List<Double>> values = new LinkedHashMap<>();
        items.stream().filter(item -> value.apply(item) != null).forEach(item -> values.computeIfAbsent(item.question(), question -> new ArrayList<>()).add(value.apply(item)));
        return values.values().stream().map(list -> list.stream().mapToDouble(Double::doubleValue).toArray()).toList();
    }

    /** Differences on what both have, of each question. */
    private static List<double[]> differences(ModelView model, ModelView first) {
        Map<String, Double> scores = new HashMap<>();
        first.items().stream().filter(item -> item.score() != null).forEach(item -> scores.put(item.place(), item.score()));
        return byQuestion(model.items(), item -> item.score() == null || !scores.containsKey(item.place()) ? null : (Double) (item.score() - scores.get(item.place())));
    }

    /**
     * Adds {@code evaluation.html}, and for several models the comparison's figures and table.
     *
     * @param unit what a score is
     * @param isByCategory whether each category is compared on its own, and no number goes over several
     * @param seed of the bootstraps
     */
    public static EvaluationResult add(EvaluationResult result, List<ModelView> views, String unit, boolean isByCategory, long seed) {
        ObjectNode data = Json.mapper().createObjectNode().put("unit", unit).put("seed", seed).put("compared", views.size());
        data.set("metrics", result.metrics());
        result.notes().forEach(data.withArray("notes")::add);
        spread(data, result.metrics());
        Set<String> doubtful = new HashSet<>();
        result.metrics().path("doubtful").path("questions").forEach(id -> doubtful.add(id.asText()));
        List<Part> parts = parts(views, isByCategory);
        double[] p = new double[parts.size()];
        List<List<double[]>> differences = new ArrayList<>();
        for (int m = 0; m < p.length; m++) {
            boolean isFirst = m % views.size() == 0;
            differences.add(isFirst ? List.of() : differences(parts.get(m).view(), parts.get(m - m % views.size()).view()));
            p[m] = isFirst ? Double.NaN : Significance.pairedT(differences.get(m).stream().mapToDouble(StatUtils::mean).toArray());
        }
        double[] adjusted = Significance.holm(p);
        TextTable table = new TextTable("model", unit, "95 % interval", "minus " + views.get(0).model(), "95 % interval", "p", "judged");
        ArrayNode models = data.putArray("models");
        for (int m = 0; m < p.length; m++) {
            ModelView view = parts.get(m).view();
            String category = parts.get(m).category();
            ObjectNode one = models.addObject().put("name", view.model()).put("category", category);
            Estimate mean = mean(view.items(), JudgedItem::score, seed);
            put(one, "mean", mean);
            Estimate difference = differences.get(m).isEmpty() ? null : Bootstrap.pooled(differences.get(m), seed);
            put(one, "difference", difference);
            one.put("p", EvaluationResult.finite(adjusted[m])).put("n_paired", m % views.size() == 0 ? null : differences.get(m).size());
            details(one, view, doubtful, seed);
            table.row(view.model() + (category == null ? "" : ", " + category), point(mean), interval(mean), point(difference), interval(difference), Double.isNaN(adjusted[m]) ? "–" : String.format(Locale.ROOT, "%.3f", adjusted[m]),
                    Integer.toString((int) view.items().stream().filter(item -> item.score() != null).count()));
        }
        items(data, views, doubtful);
        Map<String, String> files = new LinkedHashMap<>(result.files());
        files.put("evaluation.html", HtmlPage.text(EvaluationPage.class, "evaluation", "metaapo evaluation", data));
        ObjectNode metrics = result.metrics();
        if (views.size() > 1) {
            metrics.set("comparison", models.deepCopy());
        }
        return new EvaluationResult(metrics, views.size() > 1 ? result.table() + "\n" + table : result.table(), result.notes(), files);
    }

    /** What is compared: a model's items, of one category or of all. */
    private record Part(ModelView view, String category) {}

    /** Category after category, in each all models in their order; without categories the models. */
    private static List<Part> parts(List<ModelView> views, boolean isByCategory) {
        List<String> categories = views.stream().flatMap(view -> view.items().stream()).map(JudgedItem::category).filter(Objects::nonNull).distinct().toList();
        if (!isByCategory || categories.size() < 2) {
            return views.stream().map(view -> new Part(view, null)).toList();
        }
        return categories.stream().flatMap(category -> views.stream().map(view -> new Part(
                new ModelView(view.model(), view.items().stream().filter(item -> category.equals(item.category())).toList()), category))).toList();
    }

    private static String point(Estimate estimate) {
        return estimate == null ? "–" : String.format(Locale.ROOT, "%.2f", estimate.mean());
    }

    private static String interval(Estimate estimate) {
        return estimate == null ? "–" : String.format(Locale.ROOT, "[%.2f, %.2f]", estimate.low(), estimate.high());
    }

    private static void put(ObjectNode json, String name, Estimate estimate) {
        if (estimate != null) {
            json.putArray(name).add(estimate.mean()).add(estimate.low()).add(estimate.high());
        }
    }

    /** The figures of several repeats. */
    private static void spread(ObjectNode data, ObjectNode metrics) {
        for (Spread.Figure figure : metrics.has("repeats") ? Spread.figures(metrics) : List.<Spread.Figure>of()) {
            data.withArray("spread").addObject().put("of", figure.of()).put("name", figure.name()).put("median", figure.median()).set("each", figure.spread().path("repeats"));
        }
    }

    private static void details(ObjectNode one, ModelView view, Set<String> doubtful, long seed) {
        one.put("judged", view.items().stream().filter(item -> item.score() != null).count()).put("rows", view.items().size());
        if (!doubtful.isEmpty()) {
            put(one, "without_doubtful", mean(view.items().stream().filter(item -> !doubtful.contains(item.question())).toList(), JudgedItem::score, seed));
        }
        put(one, "shown_first", mean(view.items(), JudgedItem::first, seed));
        put(one, "shown_second", mean(view.items(), JudgedItem::second, seed));
        double[] lengths = view.items().stream().map(JudgedItem::length).filter(Objects::nonNull).mapToDouble(Integer::doubleValue).toArray();
        one.put("length", lengths.length == 0 ? null : (Double) StatUtils.mean(lengths));
        Set<String> categories = new LinkedHashSet<>();
        view.items().stream().map(JudgedItem::category).filter(Objects::nonNull).forEach(categories::add);
        ObjectNode byCategory = one.putObject("categories");
        for (String category : categories) {
            put(byCategory, category, mean(view.items().stream().filter(item -> category.equals(item.category())).toList(), JudgedItem::score, seed));
        }
    }

    /** Questions with the answers of all models, as many as a page can take. */
    private static void items(ObjectNode data, List<ModelView> views, Set<String> doubtful) {
        Map<String, ObjectNode> items = new LinkedHashMap<>();
        int left = 0;
        int each = views.size() * Math.max(1, data.path("metrics").path("repeats").asInt());
        for (int m = 0; m < views.size(); m++) {
            for (JudgedItem item : views.get(m).items()) {
                if (!items.containsKey(item.id()) && (items.size() + 1) * each > MOST_ITEMS) {
                    left += item.repeat() < 2 ? 1 : 0;
                    continue;
                }
                ObjectNode node = items.computeIfAbsent(item.id(), id -> Json.mapper().createObjectNode().put("id", id.equals(item.prompt()) ? null : id)
                        .put("category", item.category()).put("prompt", item.prompt()).put("baseline", item.baseline()));
                if (doubtful.contains(item.question())) {
                    node.put("doubtful", true);
                }
                node.withArray("by").addObject().put("model", m).put("repeat", item.repeat()).put("answer", item.answer()).put("score", item.score()).put("verdict", item.verdict())
                        .put("reasons", item.reasons());
            }
        }
        data.putArray("items").addAll(items.values());
        data.put("left_out", left);
        data.put("questions", views.stream().flatMap(view -> view.items().stream()).map(JudgedItem::question).distinct().count());
    }
}
