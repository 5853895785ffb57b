package org.metaapo.compare;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;
import org.metaapo.statistics.Estimate;

/** The data of the report's page. */
final class ComparisonData {
    /** Fields of the step lines whose curves are shown. */
    private static final List<String> CURVES =
            List.of("weight_mean", "online_share", "accuracy", "rewards_margin", "grad_norm");

    private static final int MOST_EXAMPLES = 50;

    private final Results results;
    private final Summary summary;

    ComparisonData(Results results, Summary summary) {
        this.results = results;
        this.summary = summary;
    }

    ObjectNode json() {
        Suite suite = results.suite();
        ObjectNode data = Json.mapper().createObjectNode().put("folder", suite.out().toString()).put("suite", suite.where());
        data.put("gold", results.hasGold()).put("baseline", suite.baseline()).put("seeds", suite.seeds().size());
        data.put("prompts", results.runs().get(Suite.START).get(0).evaluation().reward().length).put("answers", suite.answers());
        data.put("parallel", suite.parallel()).put("threads", suite.threads());
        ArrayNode rows = data.putArray("rows");
        summary.rows().forEach(row -> row(rows.addObject(), row));
        data.set("choices", Json.mapper().valueToTree(results.choices().entrySet().stream()
                .map(entry -> Map.of("method", entry.getKey(), "trials", entry.getValue())).toList()));
        examples(data);
        results.remarks().forEach(data.putArray("remarks")::add);
        ArrayNode failures = data.putArray("failures");
        results.failures().forEach((task, failure) -> failures.add(task + ": " + failure));
        return data;
    }

    /** First answers of all rows to some of the first seed's prompts, side by side. */
    private void examples(ObjectNode data) {
        long seed = results.runs().get(Suite.START).get(0).seed();
        data.put("example_seed", seed);
        ArrayNode list = data.putArray("examples");
        for (int i = 0; i < Math.min(MOST_EXAMPLES, results.prompts().size()); i++) {
            ObjectNode example = list.addObject().put("prompt", results.prompts().get(i));
            ObjectNode answers = example.putObject("answers");
            for (Map.Entry<String, List<RunResult>> entry : results.runs().entrySet()) {
                int prompt = i;
                entry.getValue().stream().filter(run -> run.seed() == seed).map(RunResult::evaluation).findFirst().ifPresent(found ->
                        answers.putObject(entry.getKey()).put("text", found.texts()[prompt][0]).put("worth", found.measure()[prompt][0]));
            }
        }
    }

    /** A run's report, as seen from the suite's folder. */
    private String reportOf(RunResult run) {
        return results.suite().out().toAbsolutePath().relativize(run.folder().report().toAbsolutePath()).toString();
    }

    private void row(ObjectNode node, Summary.Row row) {
        node.put("name", row.name()).put("seeds", row.seeds()).put("setting", String.join(" ", row.setting()));
        estimate(node, "measure", row.measure());
        estimate(node, "wins", row.wins());
        if (row.controlled() != null && !Double.isNaN(row.controlled().mean())) {
            estimate(node, "controlled", row.controlled());
        }
        estimate(node, "reward", row.reward());
        estimate(node, "kl", row.kl());
        estimate(node, "length", row.length());
        if (row.difference() != null) {
            estimate(node, "difference", row.difference().mean());
            node.put("p", row.difference().p());
            if (!Double.isNaN(row.difference().pSeeds())) {
                node.put("p_seeds", row.difference().pSeeds());
            }
        }
        ObjectNode totals = node.putObject("totals");
        row.totals().forEach(totals::put);
        List<RunResult> runs = results.runs().get(row.name());
        ArrayNode bySeed = node.putArray("by_seed");
        runs.forEach(run -> bySeed.add(StatUtils.mean(Evaluation.means(run.evaluation().measure()))));
        ArrayNode reports = node.putArray("runs");
        runs.stream().filter(run -> run.folder() != null).forEach(run -> reports.addObject().put("seed", run.seed()).put("report", reportOf(run)));
        curves(node.putObject("curves"), runs);
    }

    private static void estimate(ObjectNode node, String name, Estimate estimate) {
        node.putArray(name).add(estimate.mean()).add(estimate.low()).add(estimate.high());
    }

    /** Means over seeds at each step. */
    private static void curves(ObjectNode node, List<RunResult> runs) {
        Map<String, Map<Long, double[]>> sums = new TreeMap<>();
        for (RunResult run : runs) {
            if (run.folder() != null) {
                addSteps(sums, run);
            }
        }
        sums.forEach((field, bySteps) -> {
            ArrayNode points = node.putArray(field);
            bySteps.forEach((step, sum) -> points.addArray().add(step).add(sum[0] / sum[1]));
        });
    }

    private static void addSteps(Map<String, Map<Long, double[]>> sums, RunResult run) {
        int number = 0;
        for (String text : StrictText.read(run.folder().metrics()).split("\n")) {
            JsonNode line = Json.parse(text, run.folder().metrics().toString(), ++number);
            for (String field : CURVES) {
                if (!line.has("kind") && line.path(field).isNumber()) {
                    double[] sum = sums.computeIfAbsent(field, name -> new TreeMap<>())
                            .computeIfAbsent(line.path("step").asLong(), step -> new double[2]);
                    sum[0] += line.path(field).asDouble();
                    sum[1]++;
                }
            }
        }
    }
}
