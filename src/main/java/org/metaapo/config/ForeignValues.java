package org.metaapo.config;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Values that other tools have for what is a choice here. */
final class ForeignValues {
    /** By key and value, what stands for it. */
    private static final Map<String, Map<String, String>> MEANT = Map.of(
            "recipe", Map.ofEntries(
                    Map.entry("rm", "reward-model"), Map.entry("reward_model", "reward-model"), Map.entry("reward", "reward-model"),
                    Map.entry("online_dpo", "online-dpo"), Map.entry("kto", "recipe dpo with objective.name kto"),
                    Map.entry("ipo", "recipe dpo with objective.name ipo"), Map.entry("simpo", "recipe dpo with objective.name simpo"),
                    Map.entry("hinge", "recipe dpo with objective.name hinge"), Map.entry("slic", "recipe dpo with objective.name hinge")),
            "objective.name", Map.ofEntries(
                    Map.entry("sigmoid", "dpo"), Map.entry("robust", "robust_dpo"), Map.entry("kto_pair", "kto"), Map.entry("slic", "hinge"),
                    Map.entry("sppo_hard", "recipe sppo"), Map.entry("sft", "recipe sft"), Map.entry("sigmoid_norm", "simpo, or a class of yours")),
            "dtype", Map.of("bfloat16", "bf16", "bf16-mixed", "bf16", "float32", "f32", "fp32", "f32", "float", "f32"),
            "optimizer.schedule", Map.of("cosine_with_min_lr", "cosine, with optimizer.min_ratio", "constant_with_warmup", "constant, with optimizer.warmup"),
            "optimizer.state", Map.of("fp32", "f32", "float32", "f32", "32bit", "f32", "8-bit", "8bit", "int8", "8bit"),
            "data.overlong", Map.of("truncate", "cut", "filter", "drop", "skip", "drop"),
            "data.on_error", Map.of("ignore", "skip", "raise", "stop", "fail", "stop"));

    /** Names of what is not offered, which are no misspellings of what is. */
    private static final List<String> OTHERS = List.of(
            "ppo", "grpo", "rloo", "orpo", "cpo", "rpo", "wpo", "apo", "aot", "bco", "nca", "exo", "kto", "ipo", "simpo", "gkd", "prm", "pt", "rdpo",
            "tdpo", "f16", "fp16", "float16", "half", "f64", "f8", "fp8", "int4", "4bit", "8bit", "16bit", "all", "none", "random");

    private ForeignValues() {}

    /** What to tell somebody whose value of a key is none of its choices: words in brackets with a blank before, or nothing. */
    static String advice(ConfigKey key, String value) {
        String meant = MEANT.getOrDefault(key.name(), new HashMap<>()).get(value);
        if (key.name().equals("objective.name") && value.equals("orpo")) {
            return " (orpo is not offered; simpo needs no reference model either, and objective.likelihood adds the chosen answer's likelihood)";
        }
        if (meant != null) {
            return " (" + value + " elsewhere is " + meant + " here)";
        }
        List<String> near = new Nearest(key.choices(), OTHERS).to(value);
        return near.isEmpty() ? "" : " (nearest: " + String.join(", ", near) + ")";
    }
}
