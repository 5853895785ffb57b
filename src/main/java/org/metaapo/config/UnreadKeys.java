package org.metaapo.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.metaapo.error.UsageException;

/** Which recipes and objectives read which keys, so that a key that would decide nothing is not passed over. */
final class UnreadKeys {
    private static final String OBJECTIVE = "objective.";

    private static final List<String> SAMPLING = List.of("online-dpo", "iterative-dpo", "sppo", "selm", "xpo");

    /**
     * Keys that not every run reads.
     *
     * @param keys a name, or the start of some that ends with a dot
     * @param isRead whether a configuration reads them
     * @param readers what reads them, in words
     */
    private record Rule(String keys, Predicate<RunConfig> isRead, String readers) {
        boolean covers(String name) {
            return keys.endsWith(".") ? name.startsWith(keys) : name.equals(keys);
        }
    }

    private static final List<Rule> RULES = List.of(
            new Rule(OBJECTIVE, UnreadKeys::isPreference, "the recipes of preference pairs, such as recipe dpo"),
            ofObjectives("objective.gamma", "simpo"),
            ofObjectives("objective.label_smoothing", "cdpo", "robust_dpo"),
            ofObjectives("objective.alpha", "selm", "xpo"),
            ofObjectives("objective.threshold", "adpo"),
            ofObjectives("objective.desirable", "kto"),
            ofObjectives("objective.undesirable", "kto"),
            ofRecipes("meta.", "metaapo"),
            new Rule("meta.hidden", config -> config.integer("meta.layers") > 1, "meta.layers 2 and 3"),
            new Rule("meta.constant", config -> config.text("meta.weight").equals("constant"), "meta.weight constant"),
            ofRecipes("selective.", "selective-dpo"),
            new Rule("rollout.", UnreadKeys::samples, "recipes that sample"),
            ofRecipes("rollout.k", "metaapo", "online-dpo", "iterative-dpo", "sppo"),
            ofRecipes("rollout.decision", "metaapo"),
            ofRecipes("rollout.threshold", "metaapo"),
            ofRecipes("rollout.unsampled", "metaapo"),
            new Rule("reward.", UnreadKeys::samples, "recipes that sample"));

    private UnreadKeys() {}

    private static Rule ofObjectives(String key, String... names) {
        List<String> all = List.of(names);
        return new Rule(key, config -> all.contains(config.text("objective.name")), "objective.name " + String.join(" and ", names));
    }

    private static Rule ofRecipes(String keys, String... names) {
        List<String> all = List.of(names);
        return new Rule(keys, config -> all.contains(config.text("recipe")), "recipe " + String.join(", ", names));
    }

    private static boolean isPreference(RunConfig config) {
        return !List.of("sft", "reward-model").contains(config.text("recipe"));
    }

    private static boolean samples(RunConfig config) {
        return SAMPLING.contains(config.text("recipe")) || RecipeKeys.needsRewards(config);
    }

    /** The first rule by which a key of another value than its default is not read, or null. */
    private static Rule broken(RunConfig config, String name) {
        if (!config.isSet(name)) {
            return null;
        }
        // decision none is itself what keeps metaapo from sampling.
        if (config.text("recipe").equals("metaapo") && List.of("rollout.decision", "rollout.unsampled").contains(name)) {
            return null;
        }
        return RULES.stream().filter(rule -> rule.covers(name) && !rule.isRead().test(config)).findFirst().orElse(null);
    }

    /** Keys of another value than their default that the run does not read, in the table's order. */
    static List<String> of(RunConfig config) {
        List<String> unread = new ArrayList<>();
        for (ConfigKey key : ConfigKeys.all()) {
            if (broken(config, key.name()) != null) {
                unread.add(key.name());
            }
        }
        return unread;
    }

    /**
     * Refuses keys of the loss that the loss does not read: who sets one expects another result.
     *
     * @param own names of the keys that were given for this run, and not for several that share them
     * @throws UsageException naming key, what does not read it and what does
     */
    static void check(RunConfig config, String where, Set<String> own) {
        for (ConfigKey key : ConfigKeys.of("objective")) {
            Rule rule = own.contains(key.name()) ? broken(config, key.name()) : null;
            if (rule != null) {
                throw new UsageException(where + ": " + key.name() + " is " + config.shown(key.name()) + ", and "
                        + (rule.keys().equals(OBJECTIVE) ? "recipe " + config.text("recipe") : "objective.name " + config.text("objective.name"))
                        + " does not read it; it is read by " + rule.readers() + ": set that, or leave " + key.name() + " out");
            }
        }
    }
}
