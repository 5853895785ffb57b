package org.metaapo.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.statistics.Bootstrap;
import org.metaapo.statistics.Estimate;
import org.metaapo.statistics.Significance;

/**
 * The table's rows. Means are over seeds of each seed's mean over prompts; 95 % intervals are by a bootstrap that draws seeds,
 * then prompts within each. Differences to the baseline are paired by seed and prompt and tested twice by the paired t test: over
 * prompts × seeds, which tells whether these runs differ, and over the seeds' means, which tells whether further runs would too.
 * p-values are adjusted for the number of methods by Holm's method.
 *
 * @param rows the start's first, then the methods in the suite's order
 */
record Summary(List<Row> rows) {
    /** Totals of a run that a row has the means of. */
    static final List<String> TOTALS = List.of(
            "step", "prompts_seen", "prompts_sampled", "answers_generated", "answers_annotated", "labels_asked", "tokens_trained",
            "seconds_scoring", "seconds_sampling", "seconds_ranking", "seconds_training");

    private static final long RANDOM = 20260101;

    /**
     * A row.
     *
     * @param name of the method, or of the start
     * @param setting what a grid chose
     * @param seeds how many runs there are
     * @param measure gold reward; reward by the suite's source where there is none
     * @param wins how often an answer is better than one of the start, equal ones counting half
     * @param controlled the same at equal lengths, by the reward of the suite's source; null where there is a gold reward
     * @param reward reward by the suite's source
     * @param kl KL divergence from the start in nats an answer, estimated on the policy's own answers
     * @param length tokens of an answer
     * @param difference to the baseline; null for the baseline itself, and without a common seed
     * @param totals means over seeds
     */
    record Row(
            String name, List<String> setting, int seeds, Estimate measure, Estimate wins, Estimate controlled, Estimate reward, Estimate kl,
            Estimate length, Difference difference, Map<String, Double> totals) {}

    /**
     * The measure minus the baseline's.
     *
     * @param mean with its interval
     * @param p over prompts × seeds, adjusted
     * @param pSeeds over the seeds' means, adjusted; NaN for one seed
     */
    record Difference(Estimate mean, double p, double pSeeds) {}

    static Summary of(Results results) {
        List<RunResult> start = results.runs().get(Suite.START);
        List<RunResult> baseline = results.runs().getOrDefault(results.suite().baseline(), List.of());
        Map<String, List<double[]>> differences = new LinkedHashMap<>();
        results.runs().forEach((name, runs) -> {
            List<double[]> paired = paired(runs, baseline, Summary::difference);
            if (runs != baseline && !paired.isEmpty()) {
                differences.put(name, paired);
            }
        });
        double[] p = Significance.holm(differences.values().stream()
                .mapToDouble(d -> Significance.pairedT(d.stream().flatMapToDouble(Arrays::stream).toArray())).toArray());
        double[] pSeeds = Significance.holm(differences.values().stream()
                .mapToDouble(d -> Significance.pairedT(d.stream().mapToDouble(StatUtils::mean).toArray())).toArray());
        List<String> tested = new ArrayList<>(differences.keySet());
        List<Row> rows = new ArrayList<>();
        results.runs().forEach((name, runs) -> {
            int at = tested.indexOf(name);
            Difference difference =
                    at < 0 ? null : new Difference(Bootstrap.mean(differences.get(name), RANDOM), p[at], pSeeds[at]);
            Map<String, Double> totals = new LinkedHashMap<>();
            TOTALS.forEach(total -> totals.put(total, runs.stream().mapToDouble(run -> run.total(total)).average().orElse(0)));
            rows.add(new Row(
                    name, runs.get(0).setting(), runs.size(), mean(runs, e -> Evaluation.means(e.measure())),
                    Bootstrap.mean(paired(runs, start, (a, b) -> a.wins(b)), RANDOM), controlled(results, runs, start),
                    mean(runs, e -> Evaluation.means(e.reward())),
                    mean(runs, e -> Evaluation.means(e.logRatio())), mean(runs, Evaluation::lengths), difference, totals));
        });
        return new Summary(rows);
    }

    private static Estimate controlled(Results results, List<RunResult> runs, List<RunResult> start) {
        return results.hasGold() ? null : LengthControlledWins.estimate(runs.stream().map(RunResult::evaluation).toList(), runs.stream()
                .map(run -> start.stream().filter(other -> other.seed() == run.seed()).findFirst().orElseThrow().evaluation()).toList(), RANDOM);
    }

    private static Estimate mean(List<RunResult> runs, Function<Evaluation, double[]> values) {
        return Bootstrap.mean(runs.stream().map(run -> values.apply(run.evaluation())).toList(), RANDOM);
    }

    private static double[] difference(Evaluation a, Evaluation b) {
        double[] mine = Evaluation.means(a.measure());
        double[] theirs = Evaluation.means(b.measure());
        Arrays.setAll(mine, i -> mine[i] - theirs[i]);
        return mine;
    }

    /** Per prompt, for each seed that both have. */
    private static List<double[]> paired(
            List<RunResult> runs, List<RunResult> others, java.util.function.BiFunction<Evaluation, Evaluation, double[]> values) {
        return runs.stream()
                .map(run -> others.stream().filter(other -> other.seed() == run.seed()).findFirst()
                        .map(other -> values.apply(run.evaluation(), other.evaluation())).orElse(null))
                .filter(Objects::nonNull)
                .toList();
    }
}
