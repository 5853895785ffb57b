package org.metaapo.compare;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.metaapo.config.YamlText;
import org.metaapo.error.UsageException;

/**
 * A suite in one world, or a map: the same suite in several that differ in one or two amounts.
 *
 * @param where names the file in messages
 * @param out folder of everything that is made
 * @param cells one each world, in rows
 */
public record SuiteMap(String where, Path out, List<Cell> cells) {
    /**
     * A suite in one of the worlds.
     *
     * @param amounts what sets its world apart; empty where there is one alone
     * @param suite its own, in a folder below the map's
     */
    public record Cell(Map<String, Double> amounts, Suite suite) {}

    /**
     * Reads a suite or a map.
     *
     * @param overrides {@code KEY=VALUE}: the suite's keys, {@code world.KEY}, and {@code common.KEY} for a configuration key of all methods
     * @throws UsageException for what is wrong in it, with file, line and key
     */
    public static SuiteMap load(Path file, List<String> overrides) {
        return SuiteReader.read(YamlText.read(file), file.toString(), overrides);
    }

    /** Whether there are several worlds. */
    boolean isMap() {
        return !cells.get(0).amounts().isEmpty();
    }

    /** The only suite, or the first. */
    Suite first() {
        return cells.get(0).suite();
    }
}
