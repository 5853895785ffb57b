package org.metaapo.config;

import java.util.List;
import java.util.Map;
import org.metaapo.error.UsageException;

/** What a recipe changes in the defaults, and which objectives and keys go with it. */
public final class RecipeKeys {
    /** Hyper-parameters of the papers, where they differ from the table's. */
    private static final Map<String, Map<String, Object>> DEFAULTS = Map.of(
            "online-dpo", Map.of("rollout.k", 2L),
            "sppo", Map.of("objective.name", "sppo", "objective.beta", 1e-3, "rollout.k", 5L),
            "selm", Map.of("objective.name", "selm", "objective.beta", 0.01, "objective.alpha", 1e-3),
            "adpo", Map.of("objective.name", "adpo"),
            "xpo", Map.of("objective.name", "xpo", "objective.alpha", 1e-5));

    /** Objectives that need what one recipe alone makes: win probabilities, or an answer to explore. */
    private static final List<String> OWN = List.of("sppo", "selm", "xpo");

    private static final List<String> WITHOUT_REFERENCE = List.of("sft", "reward-model");

    /** Most units of two hidden layers: as the engine has it. */
    private static final int MOST_HIDDEN_OF_THREE = 1024;

    private static final List<String> FEATURES = List.of("score", "prompt_length", "answer_lengths", "reward_gap", "epoch");

    private RecipeKeys() {}

    /** Defaults of a recipe that differ from the table's. */
    static Map<String, Object> defaults(String recipe) {
        return DEFAULTS.getOrDefault(recipe, Map.of());
    }

    /** Whether a recipe has answers ranked, so that it needs a source of rewards. */
    static boolean needsRewards(RunConfig config) {
        return switch (config.text("recipe")) {
            case "metaapo" -> !config.text("rollout.decision").equals("none");
            case "online-dpo", "iterative-dpo", "sppo", "selm", "xpo" -> true;
            default -> false;
        };
    }

    /**
     * Checks recipe, objective and what belongs to them together.
     *
     * @throws UsageException naming the keys that do not go together
     */
    static void check(RunConfig config, String where) {
        String recipe = config.text("recipe");
        String objective = config.text("objective.name");
        if (OWN.contains(objective) && !recipe.equals(objective)) {
            throw new UsageException(where + ": objective.name " + objective + " goes with recipe " + objective + ", found recipe " + recipe);
        }
        if (OWN.contains(recipe) && !recipe.equals(objective)) {
            throw new UsageException(where + ": recipe " + recipe + " has the objective " + recipe + ", found objective.name " + objective);
        }
        if (objective.equals("adpo") != recipe.equals("adpo")) {
            throw new UsageException(where + ": objective.name adpo and recipe adpo go together, found recipe " + recipe
                    + " with objective.name " + objective);
        }
        if (objective.equals("java") != (config.text("objective.class") != null)) {
            throw new UsageException(where + ": objective.name java and objective.class go together, found objective.name " + objective
                    + (objective.equals("java") ? " without objective.class" : " with objective.class"));
        }
        if (config.isSet("objective.class_path") && !objective.equals("java")) {
            throw new UsageException(where + ": objective.class_path goes with objective.name java, found " + objective);
        }
        if (objective.equals("simpo") && !recipe.equals("selective-dpo") || WITHOUT_REFERENCE.contains(recipe)) {
            checkNoReference(config, where, WITHOUT_REFERENCE.contains(recipe) ? "recipe " + recipe : "objective.name " + objective);
        }
        if (recipe.equals("xpo") && config.flag("reference.offload")) {
            throw new UsageException(where + ": reference.offload does not go with recipe xpo, whose reference answers too");
        }
        if (objective.equals("kto") && !WITHOUT_REFERENCE.contains(recipe) && config.integer("train.batch") < 2) {
            throw new UsageException(where + ": train.batch is 1, and objective.name kto estimates its divergence from other rows of the batch; "
                    + "expected 2 or more");
        }
        checkFeatures(config.texts("meta.features"), where);
        if (config.integer("meta.layers") == 3 && config.integer("meta.hidden") > MOST_HIDDEN_OF_THREE) {
            throw new UsageException(where + ": meta.hidden is " + config.integer("meta.hidden") + " with meta.layers 3, which has meta.hidden × "
                    + "meta.hidden weights between its hidden layers; expected 1 to " + MOST_HIDDEN_OF_THREE);
        }
    }

    /**
     * Checks that nothing is said of a reference, for that would decide nothing.
     *
     * @param without what has none, in words
     * @throws UsageException naming the key
     */
    public static void checkNoReference(RunConfig config, String where, String without) {
        for (String key : List.of("reference.path", "reference.update", "reference.offload")) {
            if (config.isSet(key)) {
                throw new UsageException(where + ": " + key + " is set, and " + without + " compares with no reference; leave it out");
            }
        }
    }

    private static void checkFeatures(List<String> features, String where) {
        if (features.isEmpty() || !features.get(0).equals("score") || features.stream().distinct().count() != features.size()
                || !FEATURES.containsAll(features)) {
            throw new UsageException(where + ": meta.features is " + features + "; expected score, then any of "
                    + String.join(", ", FEATURES.subList(1, FEATURES.size())) + ", each once");
        }
    }
}
