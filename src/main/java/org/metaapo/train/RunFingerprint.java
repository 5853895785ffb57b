package org.metaapo.train;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.metaapo.checkpoint.TensorInfo;
import org.metaapo.config.RunConfig;
import org.metaapo.files.Digests;
import org.metaapo.model.ModelFolder;
import org.metaapo.reward.RewardSource;

/**
 * Digest of all that decides the course of a run: configuration, tokens, and the models it reads. A checkpoint with another one,
 * and with it its cached reference log-probs, is not continued.
 */
final class RunFingerprint {
    /** Keys that may differ between a run and its continuation. */
    private static final Map<String, Object> FREE = Map.ofEntries(
            Map.entry("out", Path.of(".")), Map.entry("device", "auto"), Map.entry("threads", 0L), Map.entry("data.cache", "run"),
            Map.entry("checkpoint.every", 1L), Map.entry("checkpoint.keep", 1L), Map.entry("reward.token_env", ""),
            Map.entry("reward.answers_per_request", 1L), Map.entry("reward.parallel", 1L), Map.entry("reward.timeout", 1.0),
            Map.entry("reward.retries", 0L), Map.entry("optimizer.offload", false), Map.entry("reference.offload", false));

    private static final int SAMPLE_BYTES = 1024;

    private final MessageDigest digest = Digests.sha256();

    private RunFingerprint() {}

    static String of(RunConfig config, RunData data, ModelFolder policy) {
        RunFingerprint print = new RunFingerprint();
        RunConfig same = config;
        for (Map.Entry<String, Object> entry : FREE.entrySet()) {
            same = same.with(entry.getKey(), entry.getValue());
        }
        print.add(same.toYaml());
        print.add(data.digest());
        print.add(policy);
        for (String key : List.of("reference.path", "reward.path")) {
            if (config.path(key) != null) {
                try (ModelFolder folder = ModelFolder.open(config.path(key))) {
                    print.add(folder);
                }
            }
        }
        RewardSource reward = Recipe.of(config).rewards(config);
        print.add(reward == null ? "" : reward.identity());
        try (OwnObjective own = OwnObjective.of(config)) {
            print.add(own == null ? "" : own.identity());
        }
        return HexFormat.of().formatHex(print.digest.digest());
    }

    private void add(String text) {
        digest.update(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The configuration, and both ends of every tensor: other weights differ there, and reading all would take minutes. */
    private void add(ModelFolder folder) {
        add(folder.configJson().toString());
        for (Map.Entry<String, TensorInfo> tensor : new TreeMap<>(folder.tensors()).entrySet()) {
            add(tensor.getKey());
            long bytes = tensor.getValue().bytes();
            for (long offset : new long[] {0, Math.max(0, bytes - SAMPLE_BYTES)}) {
                ByteBuffer sample = ByteBuffer.allocate((int) Math.min(SAMPLE_BYTES, bytes));
                folder.read(tensor.getKey(), offset, sample);
                digest.update(sample.flip());
            }
        }
    }
}
