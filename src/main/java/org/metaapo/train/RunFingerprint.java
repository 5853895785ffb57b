package org.metaapo.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.metaapo.checkpoint.TensorInfo;
import org.metaapo.adapter.AdapterFolder;
import org.metaapo.config.ConfigKey;
import org.metaapo.config.ConfigKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;
import org.metaapo.files.SamePath;
import org.metaapo.model.ModelFolder;
import org.metaapo.ranks.Codec;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.SharedWork;
import org.metaapo.reward.RewardSource;

/**
 * All that decides the course of a run, by name. A run's folder keeps it, so that a run that goes on, or one that is finished and given
 * again, is told from another one; with it, a checkpoint's cached reference log-probs.
 *
 * @param keys values of the configuration's keys
 * @param contents digests of what they name: rows, models, sources of rewards, classes
 */
record RunFingerprint(Map<String, String> keys, Map<String, String> contents) {
    /** Keys by which nothing changes but rounding, time, or what is kept on the way. */
    private static final Set<String> FREE = Set.of(
            "out", "device", "threads", "data.cache", "checkpoint.every", "checkpoint.keep", "reward.token_env", "reward.answers_per_request",
            "reward.parallel", "adapter.merge", "reward.timeout", "reward.retries", "optimizer.offload", "reference.offload", "train.micro_tokens",
            "train.recompute", "train.shard", "ranks.timeout", "rollout.sequences", "rollout.merge", "trackers");

    /** Keys, or starts of some, by which contents are found and read. */
    private static final List<String> OF_INPUTS = List.of("recipe", "model.", "adapter.path", "reference.path", "reward.", "data.", "objective.class");

    private static final int SAMPLE_BYTES = 1024;
    private static final int SHOWN_DIGITS = 12;
    /** How a key's value is written that has none. */
    private static final String NOT_SET = "null";

    /** Of a run with these rows and this policy; a source of rewards that is called is the leader's to know. */
    static RunFingerprint of(RunConfig config, RunData data, ModelFolder policy, Ranks ranks) {
        RewardSource reward = Recipe.of(config).rewards(config);
        String source = reward == null || reward.isLocal() ? "" : SharedWork.ofLeader(ranks, Codec.TEXT, reward::identity);
        return ranks.agree(() -> of(config, data, policy, source));
    }

    private static RunFingerprint of(RunConfig config, RunData data, ModelFolder policy, String rewardSource) {
        Map<String, String> contents = new LinkedHashMap<>();
        contents.put("the rows of data.train", data.trainDigest());
        contents.put("the rows of data.eval", data.evaluationDigest());
        contents.put("the stop tokens of model.path", Arrays.toString(data.format().stopIds()));
        contents.put("the weights of model.path", digest(policy));
        for (String key : List.of("reference.path", "reward.path")) {
            if (config.path(key) != null) {
                try (ModelFolder folder = ModelFolder.open(config.path(key))) {
                    contents.put("the weights of " + key, digest(folder));
                }
            }
        }
        for (String key : List.of("adapter.path", "reward.adapter")) {
            if (config.path(key) != null) {
                contents.put("the adapter of " + key, digest(AdapterFolder.digests(config.path(key)).toString()));
            }
        }
        if (!rewardSource.isEmpty()) {
            contents.put("the source of rewards", digest(rewardSource));
        }
        try (OwnObjective own = OwnObjective.of(config)) {
            if (own != null) {
                contents.put("the class of objective.class", digest(own.identity()));
            }
        }
        return new RunFingerprint(keys(config), contents);
    }

    private static Map<String, String> keys(RunConfig config) {
        Map<String, String> keys = new LinkedHashMap<>();
        for (ConfigKey key : ConfigKeys.all()) {
            if (!FREE.contains(key.name())) {
                keys.put(key.name(), switch (key.type()) {
                    case PATH -> config.path(key.name()) == null ? NOT_SET : SamePath.real(config.path(key.name())).toString();
                    case PATHS -> Json.write(config.paths(key.name()).stream().map(path -> SamePath.real(path).toString()).toList());
                    default -> config.shown(key.name());
                });
            }
        }
        return keys;
    }

    /**
     * What a folder's run was begun with.
     *
     * @return null where the folder holds no run that goes on or is finished
     * @throws UsageException if it holds one that does not say
     */
    static RunFingerprint of(RunFolder folder) {
        if (folder.end() == null && !folder.hasCheckpoints()) {
            return null;
        }
        try {
            if (Files.isRegularFile(folder.fingerprint())) {
                return Json.mapper().treeToValue(Json.read(folder.fingerprint()), RunFingerprint.class);
            }
        } catch (JsonProcessingException | DataException e) {
            throw unknown(folder, e);
        }
        throw unknown(folder, null);
    }

    private static UsageException unknown(RunFolder folder, Exception cause) {
        return new UsageException(folder.path() + ": holds a run, and " + folder.fingerprint().getFileName() + ", which says with what it was "
                + "begun, is " + (cause == null ? "missing" : "damaged") + "; give another out, or delete the folder", cause);
    }

    void write(RunOutput output) {
        output.write(output.folder().fingerprint(), Json.writePretty(Json.mapper().valueToTree(this)));
    }

    /** One digest of the contents and of the keys that name them: runs with the same one have read the same. */
    String inputs() {
        TreeMap<String, String> named = new TreeMap<>(keys);
        named.keySet().removeIf(name -> OF_INPUTS.stream().noneMatch(name::startsWith));
        return digest(named + "\n" + contents);
    }

    /** One digest of it all. */
    String digest() {
        return digest(keys + "\n" + contents);
    }

    /**
     * Throws if a folder's run has other keys than a configuration; what these name is not looked at.
     *
     * @throws UsageException naming each key with both values
     */
    static void checkKeys(RunConfig config, RunFolder folder) {
        RunFingerprint before = of(folder);
        if (before != null) {
            check(folder, before.keys(), keys(config));
        }
    }

    /**
     * Throws if a folder's run is another one than this.
     *
     * @throws UsageException naming each key, and each content, with both values
     */
    void check(RunFolder folder) {
        RunFingerprint before = of(folder);
        if (before != null) {
            check(folder, before.keys(), keys);
            check(folder, before.contents(), contents);
        }
    }

    private static void check(RunFolder folder, Map<String, String> before, Map<String, String> now) {
        List<String> differences = new ArrayList<>();
        Set<String> names = new LinkedHashSet<>(now.keySet());
        names.addAll(before.keySet());
        for (String name : names) {
            // A key without a value decides nothing, so that it may come or go with a version.
            String old = before.getOrDefault(name, NOT_SET);
            String given = now.getOrDefault(name, NOT_SET);
            if (!same(name, old, given)) {
                differences.add(name + ": was " + shown(old) + ", is " + shown(given));
            }
        }
        if (!differences.isEmpty()) {
            throw new UsageException(folder.path() + ": holds a " + (folder.end() == null ? "run that goes on" : "finished run")
                    + " with another configuration: " + String.join("; ", differences) + ". Give another out, or delete the folder");
        }
    }

    private static boolean same(String name, String before, String now) {
        ConfigKey key = ConfigKeys.find(name);
        if (before.equals(now) || key == null) {
            return before.equals(now);
        }
        return switch (key.type()) {
            case PATH -> !before.equals(NOT_SET) && !now.equals(NOT_SET) && SamePath.same(Path.of(before), Path.of(now));
            case PATHS -> samePaths(paths(before), paths(now));
            default -> false;
        };
    }

    private static boolean samePaths(List<Path> before, List<Path> now) {
        boolean same = before.size() == now.size();
        for (int i = 0; same && i < before.size(); i++) {
            same = SamePath.same(before.get(i), now.get(i));
        }
        return same;
    }

    private static List<Path> paths(String json) {
        List<Path> paths = new ArrayList<>();
        Json.parse(json, "a list of paths").forEach(path -> paths.add(Path.of(path.asText())));
        return paths;
    }

    /** A digest by its beginning. */
    static String shown(String value) {
        return value.matches("[0-9a-f]{64}") ? value.substring(0, SHOWN_DIGITS) + "…" : value.equals(NOT_SET) ? "not set" : value;
    }

    private static String digest(String text) {
        return Digests.sha256(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Config, and both ends of every tensor: other weights differ there, and reading all would take minutes. */
    private static String digest(ModelFolder folder) {
        MessageDigest digest = Digests.sha256();
        digest.update(folder.configJson().toString().getBytes(StandardCharsets.UTF_8));
        for (Map.Entry<String, TensorInfo> tensor : new TreeMap<>(folder.tensors()).entrySet()) {
            digest.update(tensor.getKey().getBytes(StandardCharsets.UTF_8));
            long bytes = tensor.getValue().bytes();
            for (long offset : new long[] {0, Math.max(0, bytes - SAMPLE_BYTES)}) {
                ByteBuffer sample = ByteBuffer.allocate((int) Math.min(SAMPLE_BYTES, bytes));
                folder.read(tensor.getKey(), offset, sample);
                digest.update(sample.flip());
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
