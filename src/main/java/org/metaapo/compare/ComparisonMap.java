package org.metaapo.compare;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.metaapo.files.Json;
import org.metaapo.statistics.Estimate;

/** What a map's worlds have found, side by side: a table, all numbers, and the data of the page. */
final class ComparisonMap {
    private final SuiteMap map;
    private final List<World> worlds;

    /**
     * One of the worlds.
     *
     * @param cell what sets it apart
     * @param results of its suite
     * @param summary of these
     */
    record World(SuiteMap.Cell cell, Results results, Summary summary) {
        Summary.Row row(String method) {
            return summary.rows().stream().filter(row -> row.name().equals(method)).findFirst().orElse(null);
        }

        /** The best method beside the baseline and the start; null where none succeeded. */
        Summary.Row bestOther() {
            return summary.rows().stream().skip(1).filter(row -> row.difference() != null)
                    .max(Comparator.comparingDouble(row -> row.measure().mean())).orElse(null);
        }
    }

    ComparisonMap(SuiteMap map, List<World> worlds) {
        this.map = map;
        this.worlds = worlds;
    }

    private List<String> amounts() {
        return List.copyOf(map.cells().get(0).amounts().keySet());
    }

    private String baseline() {
        return map.first().baseline();
    }

    private List<String> methods() {
        return map.first().methods().stream().map(Method::name).toList();
    }

    /** The table in Markdown: a line a world, and what the baseline is ahead of the best other method there. */
    String markdown() {
        List<String> head = new ArrayList<>(amounts());
        head.addAll(List.of("pairs right", "rewards right", Suite.START));
        head.addAll(methods());
        head.addAll(List.of(baseline() + " minus best other", "p seeds", "annotated"));
        StringBuilder out = new StringBuilder("| " + String.join(" | ", head) + " |\n|" + "---:|".repeat(head.size()) + "\n");
        for (World world : worlds) {
            List<String> line = new ArrayList<>();
            amounts().forEach(amount -> line.add(Json.write(world.cell().amounts().get(amount))));
            line.add(format("%.2f", world.results().quality().pairs()));
            line.add(format("%.2f", world.results().quality().rewards()));
            line.add(measure(world.row(Suite.START)));
            methods().forEach(method -> line.add(measure(world.row(method))));
            Summary.Row other = world.bestOther();
            if (other == null) {
                line.addAll(List.of("", ""));
            } else {
                Estimate ahead = ahead(other);
                line.add(format("%+.3f", ahead.mean()) + " [" + format("%+.3f", ahead.low()) + ", " + format("%+.3f", ahead.high()) + "] " + other.name());
                line.add(Double.isNaN(other.difference().pSeeds()) ? "–" : format("%.3f", other.difference().pSeeds()));
            }
            Summary.Row own = world.row(baseline());
            line.add(own == null ? "" : format("%.0f", own.totals().getOrDefault("answers_annotated", 0.0)));
            out.append("| ").append(String.join(" | ", line)).append(" |\n");
        }
        return out.append("\n- pairs right, rewards right: shares of the offline pairs, and of pairs of people's answers to held-out prompts, that are ordered as gold "
                + "orders them.\n- ").append(map.first().seeds().size()).append(map.first().seeds().size() == 1 ? " seed" : " seeds").append(" in each world; brackets as in the worlds' own tables, in the folders below.\n").toString();
    }

    /** A line a world and method. */
    String csv() {
        StringBuilder out = new StringBuilder(String.join(",", amounts())).append(",pairs_right,rewards_right,method,measure,low,high,")
                .append("minus_baseline,minus_baseline_low,minus_baseline_high,p_seeds,annotated\n");
        for (World world : worlds) {
            for (Summary.Row row : world.summary().rows()) {
                List<String> cells = new ArrayList<>();
                amounts().forEach(amount -> cells.add(Json.write(world.cell().amounts().get(amount))));
                cells.add(format("%.4f", world.results().quality().pairs()));
                cells.add(format("%.4f", world.results().quality().rewards()));
                cells.add(row.name());
                cells.addAll(numbers(row.measure()));
                cells.addAll(row.difference() == null ? List.of("", "", "") : numbers(row.difference().mean()));
                cells.add(row.difference() == null || Double.isNaN(row.difference().pSeeds()) ? "" : format("%.6g", row.difference().pSeeds()));
                cells.add(format("%.0f", row.totals().getOrDefault("answers_annotated", 0.0)));
                out.append(String.join(",", cells)).append('\n');
            }
        }
        return out.toString();
    }

    /** Data of the page. */
    ObjectNode json() {
        ObjectNode data = Json.mapper().createObjectNode().put("folder", map.out().toString()).put("suite", map.where());
        data.put("baseline", baseline()).put("seeds", map.first().seeds().size());
        data.set("amounts", Json.mapper().valueToTree(amounts()));
        data.set("others", Json.mapper().valueToTree(methods().stream().filter(method -> !method.equals(baseline())).toList()));
        ArrayNode cells = data.putArray("worlds");
        for (World world : worlds) {
            ObjectNode cell = cells.addObject();
            cell.set("amounts", Json.mapper().valueToTree(world.cell().amounts()));
            cell.put("page", map.out().relativize(world.cell().suite().out()) + "/report.html");
            cell.put("pairs", world.results().quality().pairs()).put("rewards", world.results().quality().rewards());
            ObjectNode ahead = cell.putObject("ahead");
            ObjectNode measures = cell.putObject("measures");
            for (Summary.Row row : world.summary().rows()) {
                measures.put(row.name(), row.measure().mean());
                if (row.difference() != null) {
                    Estimate estimate = ahead(row);
                    ahead.putArray(row.name()).add(estimate.mean()).add(estimate.low()).add(estimate.high());
                }
            }
        }
        return data;
    }

    /** What the baseline is ahead of a row. */
    private static Estimate ahead(Summary.Row row) {
        Estimate behind = row.difference().mean();
        return new Estimate(-behind.mean(), -behind.high(), -behind.low());
    }

    private static List<String> numbers(Estimate estimate) {
        return List.of(format("%.6g", estimate.mean()), format("%.6g", estimate.low()), format("%.6g", estimate.high()));
    }

    private static String measure(Summary.Row row) {
        return row == null ? "" : format("%.3f", row.measure().mean());
    }

    private static String format(String pattern, double value) {
        return String.format(Locale.ROOT, pattern, value);
    }
}
