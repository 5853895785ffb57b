package org.metaapo.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.error.UsageException;

/** The keys {@code reward.*}: one names the source, and some others go with some sources alone. */
public final class RewardKeys {
    /** Folder of a local model. */
    public static final String PATH = "reward.path";
    /** Folder of a reward model's adapter, over the model of {@link #PATH}, or over the policy's. */
    public static final String ADAPTER = "reward.adapter";
    /** Address of a reward service. */
    public static final String URL = "reward.url";
    /** Address of a judge. */
    public static final String JUDGE = "reward.judge";
    /** Name of a user's class. */
    public static final String CLASS = "reward.class";
    /** A user's command. */
    public static final String COMMAND = "reward.command";

    /** What a local model does with conversations that are longer than it reads. */
    public static final String OVERLONG = "reward.overlong";

    private static final List<String> SOURCES = List.of(PATH, URL, JUDGE, CLASS, COMMAND);
    private static final Map<String, List<String>> GOES_WITH = goesWith();

    private RewardKeys() {}

    private static Map<String, List<String>> goesWith() {
        Map<String, List<String>> map = new LinkedHashMap<>();
        map.put(ADAPTER, List.of(PATH));
        map.put(OVERLONG, List.of(PATH));
        map.put("reward.class_path", List.of(CLASS));
        map.put("reward.token_env", List.of(URL, JUDGE));
        map.put("reward.judge_model", List.of(JUDGE));
        map.put("reward.judge_prompt", List.of(JUDGE));
        map.put("reward.judge_pairs", List.of(JUDGE));
        map.put("reward.judge_options", List.of(JUDGE));
        map.put("reward.answers_per_request", List.of(URL, CLASS, COMMAND));
        map.put("reward.parallel", List.of(URL, JUDGE));
        map.put("reward.timeout", List.of(URL, JUDGE, CLASS, COMMAND));
        map.put("reward.retries", List.of(URL, JUDGE));
        return map;
    }

    /** The key that names the source, or null. */
    public static String source(RunConfig config) {
        String given = SOURCES.stream().filter(config::isSet).findFirst().orElse(null);
        return given == null && config.isSet(ADAPTER) ? PATH : given;
    }

    /**
     * Checks the keys together.
     *
     * @param required whether a source must be named
     * @throws UsageException naming the keys that do not go together, or the one that is missing
     */
    static void check(RunConfig config, String where, boolean required) {
        List<String> given = new ArrayList<>(SOURCES.stream().filter(config::isSet).toList());
        if (given.isEmpty() && config.isSet(ADAPTER)) {
            checkBase(config, where);
            given.add(PATH);
        }
        if (given.size() > 1) {
            throw new UsageException(where + ": " + String.join(" and ", given) + " are set; expected one source of rewards");
        }
        if (given.isEmpty() && required) {
            throw new UsageException(where + ": reward.path is not set, nor is reward.adapter, reward.url, reward.judge, reward.class or reward.command; "
                    + "expected one source of rewards");
        }
        for (Map.Entry<String, List<String>> entry : GOES_WITH.entrySet()) {
            boolean wrong = given.isEmpty() || !entry.getValue().contains(given.get(0));
            if (wrong && config.isSet(entry.getKey())) {
                throw new UsageException(where + ": " + entry.getKey() + " goes with " + String.join(" or ", entry.getValue()) + ", and "
                        + (given.isEmpty() ? "no source is" : given.get(0) + " is") + " set");
            }
        }
        if (given.equals(List.of(JUDGE)) && config.text("reward.judge_model") == null) {
            throw new UsageException(where + ": reward.judge_model is not set; expected the name of the model behind reward.judge");
        }
    }

    private static void checkBase(RunConfig config, String where) {
        if (config.path("model.path") == null) {
            throw new UsageException(where + ": reward.adapter is set, and nothing says over which model; set reward.path to its base");
        }
    }
}
