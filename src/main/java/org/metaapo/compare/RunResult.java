package org.metaapo.compare;

import java.util.List;
import java.util.Objects;
import org.metaapo.train.RunFolder;

/**
 * One method at one seed.
 *
 * @param seed of world and run
 * @param setting what the grid chose, as {@code key=value}
 * @param folders of the run, and before it of those that it began with; empty for the start itself
 * @param evaluation on the test prompts
 */
record RunResult(long seed, List<String> setting, List<RunFolder> folders, Evaluation evaluation) {
    /** The run's own folder; null for the start. */
    RunFolder folder() {
        return folders.isEmpty() ? null : folders.get(folders.size() - 1);
    }

    /** A total of the end lines of the run and of those that it began with: what its result has cost. 0 for the start. */
    double total(String name) {
        return folders.stream().map(RunFolder::end).filter(Objects::nonNull).mapToDouble(end -> end.path(name).asDouble()).sum();
    }

    /** Optimizer steps of the run itself; 0 for the start. */
    double ownSteps() {
        return folder() == null || folder().end() == null ? 0 : folder().end().path("step").asDouble();
    }
}
