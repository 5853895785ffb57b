package org.metaapo.compare;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.metaapo.demo.WorldQuality;

/**
 * All that a suite's runs have found.
 *
 * @param suite what was compared
 * @param runs each row's runs in the order of the seeds, the start's first
 * @param choices what was tried by each method that has a grid
 * @param failures what went wrong, by method and seed
 * @param kinds of the test prompts of each seed; empty lists where they have none
 * @param quality of the worlds' pairs and rewards, means over seeds; null where there is no gold
 * @param prompts held-out prompts of the first seed, which its runs' evaluations answer
 * @param weights what the meta-learners saw and said, by method: of each seed, of each slice
 * @param told what should be known of prompts and weights, in sentences
 */
record Results(Suite suite, Map<String, List<RunResult>> runs, Map<String, List<Trial>> choices, Map<String, String> failures,
        Map<Long, List<String>> kinds, WorldQuality quality, List<String> prompts,
        Map<String, List<List<SliceWeights>>> weights, List<String> told) {
    /**
     * A setting that was tried on the validation prompts.
     *
     * @param setting as {@code key=value}
     * @param reward mean reward by the suite's source; NaN where the run failed
     * @param chosen whether it was the best
     */
    record Trial(List<String> setting, double reward, boolean chosen) {}

    /** Whether answers have a gold reward. */
    boolean hasGold() {
        return runs.get(Suite.START).get(0).evaluation().gold() != null;
    }

    /** What should be known of prompts and steps, in sentences. */
    List<String> remarks() {
        List<String> remarks = new ArrayList<>(told);
        Map<String, Double> all = new LinkedHashMap<>();
        Map<String, Double> own = new LinkedHashMap<>();
        runs.forEach((name, of) -> {
            if (!name.equals(Suite.START)) {
                all.put(name, of.stream().mapToDouble(run -> run.total("step")).average().orElseThrow());
                own.put(name, of.stream().mapToDouble(RunResult::ownSteps).average().orElseThrow());
            }
        });
        if (all.values().stream().distinct().count() > 1) {
            double most = own.values().stream().mapToDouble(steps -> steps).max().orElseThrow();
            StringBuilder text = new StringBuilder("Not all methods took the same number of optimizer steps.");
            own.forEach((name, steps) -> {
                if (suite.method(name).after() != null) {
                    text.append(" Steps and costs of ").append(name).append(" include those of ").append(suite.method(name).after()).append(", with whose result it begins.");
                }
                if (steps < most) {
                    text.append(String.format(Locale.ROOT, " %s took %.1f of its own where others took %.1f.", name, steps, most));
                }
            });
            remarks.add(text.toString());
        }
        return remarks;
    }
}
