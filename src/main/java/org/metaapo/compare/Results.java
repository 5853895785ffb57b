package org.metaapo.compare;

import java.util.List;
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
 */
record Results(Suite suite, Map<String, List<RunResult>> runs, Map<String, List<Trial>> choices, Map<String, String> failures,
        Map<Long, List<String>> kinds, WorldQuality quality, List<String> prompts) {
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
}
