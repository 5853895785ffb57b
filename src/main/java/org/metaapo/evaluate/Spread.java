package org.metaapo.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.commons.math3.stat.descriptive.rank.Median;
import org.metaapo.files.Json;

/**
 * Figures of several repeats: each is the median of its own, and {@link #FIELD} beside it has the lowest, the highest, and that of each repeat. Of an even
 * number the median is the mean of the two in the middle. Whole numbers that all repeats share have no spread.
 */
public final class Spread {
    /** The field beside figures that has their spread, by their names. */
    public static final String FIELD = "spread";
    /** What tables show. */
    private static final Set<String> SHOWN = Set.of("length_controlled_winrate", "win_rate", "discrete_win_rate", "average", "first_turn", "second_turn", "win_rate_adjusted", "score_printed", "rating");
    private static final List<String> LABELS = List.of("name", "model", "category");

    private Spread() {}

    /** The medians of metrics of one kind. */
    public static ObjectNode of(List<ObjectNode> repeats) {
        return objects(repeats);
    }

    private static ObjectNode objects(List<? extends JsonNode> all) {
        Set<String> names = new LinkedHashSet<>();
        all.forEach(one -> one.fieldNames().forEachRemaining(names::add));
        ObjectNode merged = Json.mapper().createObjectNode();
        ObjectNode spread = Json.mapper().createObjectNode();
        for (String name : names) {
            List<JsonNode> values = all.stream().map(one -> one.path(name)).toList();
            List<JsonNode> there = values.stream().filter(value -> !value.isMissingNode() && !value.isNull()).toList();
            if (name.equals(JudgeSetup.FIELD) || new LinkedHashSet<>(values).size() == 1 && !isFigure(values.get(0))) {
                merged.set(name, values.get(0));
            } else if (there.isEmpty()) {
                merged.putNull(name);
            } else if (there.stream().allMatch(JsonNode::isNumber)) {
                merged.set(name, median(there));
                spread.set(name, spread(values, there));
            } else if (there.stream().allMatch(JsonNode::isObject)) {
                merged.set(name, objects(values));
            } else if (there.stream().allMatch(JsonNode::isBoolean)) {
                merged.put(name, there.stream().anyMatch(JsonNode::asBoolean));
            } else if (there.stream().allMatch(list -> list.isArray() && !list.isEmpty() && list.path(0).isObject())) {
                merged.set(name, lists(values));
            } else {
                spread.putObject(name).set("repeats", each(values));
            }
        }
        if (!spread.isEmpty()) {
            merged.set(FIELD, spread);
        }
        return merged;
    }

    /** A number that may differ from one repeat to another, or what has some. */
    private static boolean isFigure(JsonNode value) {
        return value.isFloatingPointNumber() || value.isObject() || value.isArray() && value.path(0).isObject();
    }

    /** Lists of objects, which are paired by their labels. */
    private static ArrayNode lists(List<JsonNode> all) {
        List<Map<String, JsonNode>> labelled = new ArrayList<>();
        Set<String> labels = new LinkedHashSet<>();
        for (JsonNode list : all) {
            Map<String, JsonNode> own = new LinkedHashMap<>();
            Map<String, Integer> seen = new HashMap<>();
            list.forEach(one -> {
                String label = String.join("\n", labels(one));
                own.put(label + "\n" + seen.merge(label, 1, Integer::sum), one);
            });
            labelled.add(own);
            labels.addAll(own.keySet());
        }
        ArrayNode merged = Json.mapper().createArrayNode();
        labels.forEach(label -> merged.add(objects(labelled.stream().map(own -> own.getOrDefault(label, JsonNodeFactory.instance.missingNode())).toList())));
        return merged;
    }

    private static JsonNode median(List<JsonNode> values) {
        double median = new Median().evaluate(values.stream().mapToDouble(JsonNode::asDouble).toArray());
        boolean isWhole = values.stream().allMatch(JsonNode::isIntegralNumber) && median == Math.rint(median);
        return isWhole ? JsonNodeFactory.instance.numberNode((long) median) : JsonNodeFactory.instance.numberNode(median);
    }

    private static ObjectNode spread(List<JsonNode> values, List<JsonNode> there) {
        ObjectNode spread = Json.mapper().createObjectNode();
        spread.set("lowest", there.stream().min((a, b) -> Double.compare(a.asDouble(), b.asDouble())).orElseThrow());
        spread.set("highest", there.stream().max((a, b) -> Double.compare(a.asDouble(), b.asDouble())).orElseThrow());
        spread.set("repeats", each(values));
        return spread;
    }

    private static ArrayNode each(List<JsonNode> values) {
        ArrayNode each = Json.mapper().createArrayNode();
        values.forEach(value -> each.add(value.isMissingNode() ? JsonNodeFactory.instance.nullNode() : value));
        return each;
    }

    private static List<String> labels(JsonNode object) {
        return LABELS.stream().map(label -> object.path(label).textValue()).filter(Objects::nonNull).toList();
    }

    /**
     * A figure with its spread.
     *
     * @param of model, part and category that it is of
     * @param name the official one
     * @param spread as {@link #FIELD} has it
     */
    public record Figure(String of, String name, double median, JsonNode spread) {}

    /** The main figures, in their order in the metrics. */
    public static List<Figure> figures(ObjectNode metrics) {
        List<Figure> figures = new ArrayList<>();
        collect(metrics, List.of(), figures);
        return figures;
    }

    private static void collect(JsonNode node, List<String> before, List<Figure> figures) {
        List<String> labels = Stream.concat(labels(node).stream(), before.stream()).toList();
        node.path(FIELD).properties().stream().filter(field -> SHOWN.contains(field.getKey())).forEach(field ->
                figures.add(new Figure(String.join(", ", labels), field.getKey(), node.path(field.getKey()).asDouble(), field.getValue())));
        node.properties().forEach(field -> {
            if (field.getValue().isArray()) {
                field.getValue().forEach(one -> collect(one, labels, figures));
            } else if (field.getValue().isObject() && !field.getKey().equals(FIELD) && !field.getKey().equals(JudgeSetup.FIELD) && !field.getKey().equals("categories")) {
                collect(field.getValue(), Stream.concat(Stream.of(field.getKey().replace('_', ' ')), labels.stream()).toList(), figures);
            }
        });
    }
}
