package org.metaapo.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;

/** The result of several repeats of an evaluation: medians, beside their spread. */
public final class RepeatedResult {
    private RepeatedResult() {}

    /** Of one repeat that one itself. */
    public static EvaluationResult of(List<EvaluationResult> repeats) {
        if (repeats.size() == 1) {
            return repeats.get(0);
        }
        ObjectNode metrics = Spread.of(repeats.stream().map(EvaluationResult::metrics).toList());
        metrics.put("repeats", repeats.size());
        TextTable table = new TextTable("model", "figure", "median", "lowest", "highest", "of each repeat");
        for (Spread.Figure figure : Spread.figures(metrics)) {
            StringJoiner each = new StringJoiner(", ");
            figure.spread().path("repeats").forEach(value -> each.add(shown(value)));
            table.row(figure.of(), figure.name(), String.format(Locale.ROOT, "%.2f", figure.median()), shown(figure.spread().path("lowest")), shown(figure.spread().path("highest")),
                    each.toString());
        }
        return new EvaluationResult(metrics, table.toString(), notes(repeats), Map.of());
    }

    private static String shown(JsonNode value) {
        return value.isNumber() ? String.format(Locale.ROOT, "%.2f", value.asDouble()) : "–";
    }

    /** Each once; what not all repeats have with the number of those that do. */
    private static List<String> notes(List<EvaluationResult> repeats) {
        Map<String, List<Integer>> found = new LinkedHashMap<>();
        for (int r = 0; r < repeats.size(); r++) {
            for (String note : repeats.get(r).notes()) {
                found.computeIfAbsent(note, absent -> new ArrayList<>()).add(r + 1);
            }
        }
        return found.entrySet().stream().map(entry -> {
            List<String> numbers = entry.getValue().stream().distinct().map(String::valueOf).toList();
            return numbers.size() == repeats.size() ? entry.getKey() : "repeat " + String.join(", ", numbers) + ": " + entry.getKey();
        }).toList();
    }
}
