package org.metaapo.tracking;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.metaapo.config.ConfigKey;
import org.metaapo.config.ConfigKeys;
import org.metaapo.config.RunConfig;

/**
 * A run, for trackers.
 *
 * @param name last part of the folder's path
 * @param folder of the run
 * @param config keys and values of the resolved configuration, as far as they have one: texts, numbers and booleans
 */
public record RunInfo(String name, Path folder, Map<String, Object> config) {
    /** Of a configuration. */
    public static RunInfo of(Path folder, RunConfig config) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (ConfigKey key : ConfigKeys.all()) {
            String shown = config.shown(key.name());
            if (!shown.equals("null")) {
                values.put(key.name(), switch (key.type()) {
                    case INTEGER -> config.integer(key.name());
                    case REAL -> config.optional(key.name());
                    case BOOLEAN -> config.flag(key.name());
                    case TEXT, CHOICE, PATH, OBJECT -> config.text(key.name());
                    default -> shown;
                });
            }
        }
        return new RunInfo(name(folder), folder, values);
    }

    /** Of a folder without a configuration that can be read. */
    public static RunInfo of(Path folder) {
        return new RunInfo(name(folder), folder, Map.of());
    }

    private static String name(Path folder) {
        Path name = folder.toAbsolutePath().normalize().getFileName();
        return name == null ? "run" : name.toString();
    }
}
