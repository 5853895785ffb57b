package org.metaapo.compare;

import java.util.List;
import org.metaapo.config.RunConfig;

/**
 * A method of a suite.
 *
 * @param name names its row, and its folder below each seed's
 * @param keys its configuration keys
 * @param after the method whose result is its start, while the reference stays the start of all; null where it begins as all do
 * @param grid the settings to choose from, each a list of {@code key=value}; one without any where nothing is chosen
 */
record Method(String name, RunConfig.Layer keys, String after, List<List<String>> grid) {
    /** Whether there is a choice. */
    boolean hasGrid() {
        return grid.size() > 1;
    }

    /** Name of a run's folder. */
    String folder(int setting) {
        return hasGrid() ? name + "@" + (setting + 1) : name;
    }
}
