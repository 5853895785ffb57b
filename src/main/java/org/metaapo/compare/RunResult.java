package org.metaapo.compare;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.metaapo.train.RunFolder;

/**
 * One method at one seed.
 *
 * @param seed of world and run
 * @param setting what the grid chose, as {@code key=value}
 * @param folder of the run; null for the start itself
 * @param evaluation on the test prompts
 */
record RunResult(long seed, List<String> setting, RunFolder folder, Evaluation evaluation) {
    /** A total of the run's end line; 0 for the start. */
    double total(String name) {
        JsonNode end = folder == null ? null : folder.end();
        return end == null ? 0 : end.path(name).asDouble();
    }
}
