package org.metaapo.model;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * Reads the rotary embedding of {@code config.json}: transformers 5 has {@code rope_parameters}, transformers 4
 * {@code rope_theta} and {@code rope_scaling}, which 5 reads too. Where both would compute something else from one file, the
 * file is refused.
 */
final class RopeReader {
    private static final double MAX_NUMBER = 1e12;

    private final JsonFields json;
    private final int maxPositions;

    private RopeReader(JsonFields json, int maxPositions) {
        this.json = json;
        this.maxPositions = maxPositions;
    }

    static RopeConfig read(JsonFields json, int maxPositions) {
        return new RopeReader(json, maxPositions).rope();
    }

    private RopeConfig rope() {
        wholeRotation(json);
        String key = hasEntries("rope_scaling") ? "rope_scaling" : "rope_parameters";
        if (!hasEntries(key)) {
            return RopeConfig.unscaled(theta(json, 10_000));
        }
        JsonFields rope = json.object(key);
        if (rope.has("full_attention") || rope.has("sliding_attention")) {
            throw json.wrong(key, "one set of parameters for all layers");
        }
        wholeRotation(rope);
        double theta = theta(rope, theta(json, 10_000));
        if (json.has("rope_theta") && theta(json, 0) != theta) {
            throw rope.wrong("rope_theta", "rope_theta beside " + key + ", " + theta(json, 0) + ", which transformers 4 reads");
        }
        String typeKey = rope.has("rope_type") ? "rope_type" : "type";
        String type = rope.text(typeKey, "default");
        if (!rope.text("type", type).equals(type)) {
            throw rope.wrong("type", "rope_type, \"" + type + "\"");
        }
        return switch (type) {
            case "default" -> RopeConfig.unscaled(theta);
            case "linear" -> new RopeConfig(RopeConfig.Type.LINEAR, theta, required(rope, "factor"), 0, 0, 0);
            case "llama3" -> llama3(rope, theta);
            default -> throw rope.wrong(typeKey, "one of default, linear, llama3");
        };
    }

    private RopeConfig llama3(JsonFields rope, double theta) {
        double low = required(rope, "low_freq_factor");
        double high = required(rope, "high_freq_factor");
        if (high <= low) {
            throw rope.wrong("high_freq_factor", "a number above low_freq_factor (" + low + ")");
        }
        String key = "original_max_position_embeddings";
        int outer = json.integer(key, maxPositions, 1, Integer.MAX_VALUE);
        int original = rope.integer(key, outer, 1, Integer.MAX_VALUE);
        if (json.has(key) && original != outer) {
            throw rope.wrong(key, key + " outside of it, " + outer + ", which transformers 5 reads");
        }
        return new RopeConfig(RopeConfig.Type.LLAMA3, theta, required(rope, "factor"), low, high, original);
    }

    private static void wholeRotation(JsonFields fields) {
        if (fields.number("partial_rotary_factor", 1, 0, MAX_NUMBER) != 1) {
            throw fields.wrong("partial_rotary_factor", "1, partial rotation is not supported");
        }
    }

    private static double theta(JsonFields fields, double absent) {
        if (fields.mentions("rope_theta") && !fields.has("rope_theta")) {
            throw fields.wrong("rope_theta", "a number");
        }
        return fields.number("rope_theta", absent, 1, MAX_NUMBER);
    }

    private static double required(JsonFields rope, String key) {
        if (!rope.has(key)) {
            throw rope.wrong(key, "a number");
        }
        return rope.number(key, 0, 1e-6, MAX_NUMBER);
    }

    private boolean hasEntries(String key) {
        JsonNode value = json.get(key);
        return !value.isMissingNode() && !(value.isObject() && value.isEmpty());
    }
}
