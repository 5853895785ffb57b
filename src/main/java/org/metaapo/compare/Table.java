package org.metaapo.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.metaapo.statistics.Estimate;

/** The summary as text: the same columns on a terminal and in Markdown, and what they mean below. */
final class Table {
    private static final String KINDS = "Gold reward by kind of prompt: means over seeds.";

    private final Results results;
    private final Summary summary;
    private final boolean gold;
    private final boolean labels;

    Table(Results results, Summary summary) {
        this.results = results;
        this.summary = summary;
        this.gold = results.hasGold();
        this.labels = summary.rows().stream().anyMatch(row -> row.totals().get("labels_asked") > 0);
    }

    /** Aligned by spaces. */
    String text() {
        return aligned(lines()) + "\n" + notes("") + (kinds().isEmpty() ? "" : "\n" + aligned(kinds()) + "\n" + KINDS + "\n");
    }

    private static String aligned(List<List<String>> lines) {
        StringBuilder out = new StringBuilder();
        int[] widths = new int[lines.get(0).size()];
        lines.forEach(line -> {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], line.get(i).length());
            }
        });
        for (List<String> line : lines) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                String pad = " ".repeat(widths[i] - line.get(i).length());
                text.append(i == 0 ? line.get(i) + pad : "  " + pad + line.get(i));
            }
            out.append(text.toString().stripTrailing()).append('\n');
        }
        return out.toString();
    }

    /** Markdown tables. */
    String markdown() {
        return marked(lines()) + "\n" + notes("- ") + (kinds().isEmpty() ? "" : "\n" + marked(kinds()) + "\n- " + KINDS + "\n")
                + (results.weights().isEmpty() ? "" : "\n" + marked(WeightTable.lines(results)) + "\n- " + WeightTable.notes(gold) + "\n");
    }

    private static String marked(List<List<String>> lines) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < lines.size(); i++) {
            out.append("| ").append(String.join(" | ", lines.get(i).stream().map(cell -> cell.replace("|", "\\|")).toList())).append(" |\n");
            if (i == 0) {
                out.append("|---|").append("---:|".repeat(lines.get(0).size() - 1)).append('\n');
            }
        }
        return out.toString();
    }

    /** Gold rewards by kind of prompt, means over seeds; empty where prompts have no kinds. */
    private List<List<String>> kinds() {
        TreeSet<String> all = new TreeSet<>();
        results.kinds().values().forEach(all::addAll);
        List<List<String>> lines = new ArrayList<>();
        if (!all.isEmpty()) {
            List<String> head = new ArrayList<>(List.of("method"));
            head.addAll(all);
            lines.add(head);
            results.runs().forEach((method, runs) -> {
                List<String> line = new ArrayList<>(List.of(method));
                all.forEach(kind -> line.add(format("%.3f", runs.stream().mapToDouble(run -> ofKind(run, kind)).filter(Double::isFinite).average().orElse(Double.NaN))));
                lines.add(line);
            });
        }
        return lines;
    }

    private double ofKind(RunResult run, String kind) {
        List<String> kinds = results.kinds().get(run.seed());
        double[] means = Evaluation.means(run.evaluation().measure());
        return IntStream.range(0, means.length).filter(i -> kinds.get(i).equals(kind)).mapToDouble(i -> means[i]).average().orElse(Double.NaN);
    }

    private List<List<String>> lines() {
        List<List<String>> lines = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of(
                "method", gold ? "gold reward" : "reward", "minus " + results.suite().baseline(), "p", "p seeds", "win rate over sft"));
        head.add(gold ? "reward model" : "LC win rate");
        head.addAll(List.of("KL", "tokens", "steps", "sampled", "generated", "annotated"));
        if (labels) {
            head.add("labels asked");
        }
        head.addAll(List.of("s score", "s sample", "s rank", "s train"));
        lines.add(head);
        summary.rows().forEach(row -> lines.add(line(row)));
        return lines;
    }

    private List<String> line(Summary.Row row) {
        Summary.Difference difference = row.difference();
        List<String> line = new ArrayList<>(List.of(
                row.name() + (row.seeds() < results.suite().seeds().size() ? " (" + row.seeds() + " seeds)" : ""),
                interval("%.3f", row.measure()),
                difference == null ? "" : interval("%+.3f", difference.mean()),
                difference == null ? "" : p(difference.p()),
                difference == null ? "" : p(difference.pSeeds()),
                interval("%.3f", row.wins())));
        line.add(gold ? format("%.2f", row.reward().mean()) : Double.isNaN(row.controlled().mean()) ? "–" : interval("%.3f", row.controlled()));
        line.addAll(List.of(format("%.2f", row.kl().mean()), format("%.1f", row.length().mean())));
        Map<String, Double> totals = row.totals();
        for (String count : List.of("step", "prompts_sampled", "answers_generated", "answers_annotated")) {
            line.add(format("%.0f", totals.get(count)));
        }
        if (labels) {
            line.add(format("%.0f", totals.get("labels_asked")));
        }
        for (String phase : List.of("scoring", "sampling", "ranking", "training")) {
            line.add(format("%.1f", totals.get("seconds_" + phase)));
        }
        return line;
    }

    private static String interval(String pattern, Estimate estimate) {
        return format(pattern, estimate.mean()) + " [" + format(pattern, estimate.low()) + ", " + format(pattern, estimate.high()) + "]";
    }

    private static String p(double value) {
        return Double.isNaN(value) ? "–" : value < 1e-3 ? "< 0.001" : format("%.3f", value);
    }

    private static String format(String pattern, double value) {
        return String.format(Locale.ROOT, pattern, value);
    }

    /** What the columns mean. */
    private String notes(String bullet) {
        int seeds = results.suite().seeds().size();
        int prompts = results.runs().get(Suite.START).get(0).evaluation().reward().length;
        List<String> notes = new ArrayList<>();
        notes.add(seeds + (seeds == 1 ? " seed, " : " seeds, ") + prompts + " held-out prompts each, "
                + results.suite().answers() + (results.suite().answers() == 1 ? " answer" : " answers")
                + " a prompt at temperature 1; sft is the model that all methods start from.");
        notes.add("Brackets: 95 % intervals by bootstrap over seeds, then prompts within each (2,000 resamples).");
        notes.add("p, p seeds: paired t test against " + results.suite().baseline()
                + " over prompts × seeds, and over the seeds' means; two-sided, Holm-adjusted.");
        if (!gold) {
            notes.add("reward and win rates are by the source of rewards that the methods were trained with: what they gain by its mistakes counts as a gain.");
            notes.add("LC win rate: the win rate that a logistic fit on the difference in characters predicts for equal lengths, AlpacaEval 2's without a calibration; "
                    + "0.500 [0.500, 0.500] of a method is not certain: with so few prompts cross-validation chose a penalty that tells nothing apart.");
        }
        notes.add("KL: nats an answer from sft, the mean of log π − log π_sft on the policy's own answers. tokens: of an answer.");
        notes.add("steps to s train: means over seeds of one run; s: seconds.");
        if (results.quality() != null) {
            notes.add(format("By gold, %.0f %% of the offline pairs are right, ", 100 * results.quality().pairs())
                    + format("and the rewards are in %.0f %% of pairs of people's answers.", 100 * results.quality().rewards()));
        }
        results.choices().forEach((method, trials) -> {
            String tried = String.join(", ", trials.stream()
                    .map(trial -> String.join(" ", trial.setting()) + " (" + format("%.3f", trial.reward()) + (trial.chosen() ? ", chosen)" : ")"))
                    .toList());
            notes.add(method + ": mean reward on validation prompts of seed " + results.suite().seeds().get(0) + " with " + tried + ".");
        });
        notes.addAll(results.remarks());
        results.failures().forEach((task, failure) -> notes.add("Failed: " + task + ": " + failure));
        StringBuilder out = new StringBuilder();
        notes.forEach(note -> out.append(bullet).append(note).append('\n'));
        return out.toString();
    }
}
