package org.metaapo.config;

import java.util.List;
import java.util.Map;
import org.metaapo.error.UsageException;

/** Keys of the adapter that is trained, and what they change in the defaults. */
public final class AdapterKeys {
    /** An adapter's learning rate: ten times that of all weights, as the field's examples have it. */
    private static final double LEARNING_RATE = 5e-6;

    /** What the folder of adapter.path says itself. */
    private static final List<String> OF_A_FRESH_ONE = List.of(
            "adapter.rank", "adapter.alpha", "adapter.rslora", "adapter.dropout", "adapter.targets", "adapter.layers", "adapter.rank_pattern",
            "adapter.alpha_pattern", "adapter.init");

    private AdapterKeys() {}

    /** Whether an adapter is trained in place of all weights. */
    public static boolean asked(RunConfig config) {
        return config.integer("adapter.rank") > 0 || config.path("adapter.path") != null;
    }

    /** Defaults that differ from the table's where keys of an adapter are given. */
    static Map<String, Object> defaults(Map<String, Object> given) {
        boolean rank = given.get("adapter.rank") instanceof Long r && r > 0;
        return rank || given.get("adapter.path") != null ? Map.of("optimizer.learning_rate", LEARNING_RATE) : Map.of();
    }

    /**
     * Checks the keys of an adapter together.
     *
     * @throws UsageException naming the keys that do not go together
     */
    static void check(RunConfig config, String where) {
        boolean continued = config.path("adapter.path") != null;
        for (String key : OF_A_FRESH_ONE) {
            if (continued && config.isSet(key)) {
                throw new UsageException(where + ": " + key + " is set beside adapter.path, whose folder says it; leave it out");
            }
        }
        for (String key : ConfigKeys.all().stream().map(ConfigKey::name).filter(name -> name.startsWith("adapter.")).toList()) {
            if (!asked(config) && config.isSet(key)) {
                throw new UsageException(where + ": " + key + " is set, and no adapter is trained; give adapter.rank, such as 16, or adapter.path");
            }
        }
        if (!asked(config) && !config.text("model.quantize").equals("none")) {
            throw new UsageException(where + ": model.quantize is " + config.text("model.quantize") + ", and packed weights are not trained themselves; "
                    + "give adapter.rank, such as 16, or adapter.path");
        }
        for (String layer : config.texts("adapter.layers")) {
            if (!layer.matches("\\d{1,4}")) {
                throw new UsageException(where + ": adapter.layers: expected numbers of layers, found \"" + layer + "\"");
            }
        }
    }
}
