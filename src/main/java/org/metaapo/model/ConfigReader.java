package org.metaapo.model;

import org.metaapo.engine.Head;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/**
 * Reads {@code config.json} as transformers 4 and 5 write it. What the engine cannot compute faithfully is an error that
 * names key, value and what is supported.
 */
final class ConfigReader {
    /** Bounds far above any real model, so that no product of sizes overflows. */
    private static final int MAX_WIDTH = 1 << 22;

    private static final int MAX_VOCABULARY = 1 << 24;
    private static final int MAX_LAYERS = 1000;
    private static final double MAX_NUMBER = 1e12;

    private final JsonFields json;
    private final ModelFamily family;

    private ConfigReader(JsonFields json) {
        this.json = json;
        if (!json.has("model_type")) {
            throw json.wrong("model_type", "one of " + ModelFamily.modelTypes());
        }
        Optional<ModelFamily> known = ModelFamily.ofModelType(json.text("model_type", ""));
        this.family = known.orElseThrow(() -> json.wrong("model_type", "one of " + ModelFamily.modelTypes()));
    }

    static ModelConfig read(Path file, JsonNode root) {
        return new ConfigReader(new JsonFields(file, root)).config();
    }

    private ModelConfig config() {
        refuseUnsupported();
        int hidden = json.integer("hidden_size", 4096, 1, MAX_WIDTH);
        int heads = json.integer("num_attention_heads", 32, 1, MAX_WIDTH);
        int layers = json.integer("num_hidden_layers", 32, 1, MAX_LAYERS);
        int kvHeads = json.has("num_key_value_heads")
                ? json.integer("num_key_value_heads", 0, 1, heads)
                : json.mentions("num_key_value_heads") ? heads : family.defaultKvHeads(heads);
        if (heads % kvHeads != 0) {
            throw json.wrong("num_key_value_heads", "a divisor of num_attention_heads (" + heads + ")");
        }
        int headDim = headDim(hidden, heads);
        int maxPositions = json.integer("max_position_embeddings", family.defaultMaxPositions(), 1, Integer.MAX_VALUE);
        boolean attentionBias = family.readsAttentionBias() && json.flag("attention_bias", false);
        Head head = head();
        return new ModelConfig(
                family.modelType(),
                family.architecture(head),
                json.integer("vocab_size", family.defaultVocabSize(), 1, MAX_VOCABULARY),
                hidden,
                json.integer("intermediate_size", family.defaultIntermediateSize(), 1, MAX_WIDTH),
                layers,
                heads,
                kvHeads,
                headDim,
                json.number("rms_norm_eps", 1e-6, 0, 1),
                rope(maxPositions),
                maxPositions,
                json.flag("tie_word_embeddings", false),
                family.alwaysQkvBias() || attentionBias,
                attentionBias,
                family.readsMlpBias() && json.flag("mlp_bias", false),
                family.hasQkNorm(),
                slidingWindow(layers, maxPositions),
                head,
                tokenId("pad_token_id", -1),
                tokenId("bos_token_id", family.defaultBosTokenId()),
                eosTokenIds());
    }

    private void refuseUnsupported() {
        for (String key : List.of("quantization_config", "compression_config")) {
            if (json.has(key)) {
                throw new DataException(json.file() + ": " + key
                        + ": quantised checkpoints are not supported, expected weights in F32, F16 or BF16");
            }
        }
        for (String key : List.of("num_experts", "num_local_experts", "n_routed_experts")) {
            if (json.has(key)) {
                throw new DataException(json.file() + ": " + key + ": mixtures of experts are not supported, expected "
                        + "a dense model of type " + ModelFamily.modelTypes());
            }
        }
        if (!json.text("hidden_act", "silu").equals("silu")) {
            throw json.wrong("hidden_act", "\"silu\", the only activation supported");
        }
        if (json.number("partial_rotary_factor", 1, 0, MAX_NUMBER) != 1) {
            throw json.wrong("partial_rotary_factor", "1, partial rotation is not supported");
        }
    }

    private int headDim(int hidden, int heads) {
        if (!json.has("head_dim") && family != ModelFamily.QWEN3 && hidden % heads != 0) {
            throw json.wrong("hidden_size", "a multiple of num_attention_heads (" + heads + ") where head_dim is absent");
        }
        int headDim = json.integer("head_dim", family.defaultHeadDim(hidden, heads), 1, 1 << 14);
        if (headDim % 2 != 0) {
            throw new DataException(json.file() + ": head_dim: expected an even number, found " + headDim);
        }
        if ((long) heads * headDim > MAX_WIDTH) {
            throw new DataException(json.file() + ": num_attention_heads x head_dim: expected at most " + MAX_WIDTH
                    + ", found " + (long) heads * headDim);
        }
        return headDim;
    }

    private Head head() {
        JsonNode architectures = json.get("architectures");
        if (architectures.isMissingNode() || (architectures.isArray() && architectures.isEmpty())) {
            return Head.LM;
        }
        String found = architectures.isArray() ? architectures.get(0).asText() : architectures.asText();
        if (found.equals(family.architecture(Head.LM))) {
            return Head.LM;
        }
        if (found.equals(family.architecture(Head.VALUE))) {
            requireOneLabel();
            return Head.VALUE;
        }
        throw new DataException(json.file() + ": architectures: expected " + family.architecture(Head.LM) + " or "
                + family.architecture(Head.VALUE) + " for model_type " + family.modelType() + ", found \"" + found + "\"");
    }

    /** As in transformers, where an absent id2label and num_labels mean two labels. */
    private void requireOneLabel() {
        int labels = json.has("id2label")
                ? json.get("id2label").size()
                : json.integer("num_labels", 2, 0, Integer.MAX_VALUE);
        if (labels != 1) {
            throw new DataException(json.file() + ": " + (json.has("id2label") ? "id2label" : "num_labels")
                    + ": expected exactly one label (a reward model with one score), found " + labels);
        }
    }

    private int slidingWindow(int layers, int maxPositions) {
        boolean none = json.mentions("sliding_window") && !json.has("sliding_window");
        boolean inForce =
                switch (family) {
                    case LLAMA -> false;
                    case MISTRAL -> true;
                    case QWEN2, QWEN3 -> json.flag("use_sliding_window", false) && anyLayerSlides(layers);
                };
        if (none || !inForce) {
            return 0;
        }
        int window = json.integer("sliding_window", 4096, 1, Integer.MAX_VALUE);
        return window >= maxPositions ? 0 : window;
    }

    private boolean anyLayerSlides(int layers) {
        JsonNode types = json.get("layer_types");
        if (types.isArray()) {
            for (JsonNode type : types) {
                if (!type.asText().equals("full_attention") && !type.asText().equals("sliding_attention")) {
                    throw new DataException(json.file() + ": layer_types: expected full_attention or sliding_attention, "
                            + "found " + Json.describe(type));
                }
                if (type.asText().equals("sliding_attention")) {
                    return true;
                }
            }
            return false;
        }
        return json.integer("max_window_layers", 28, 0, Integer.MAX_VALUE) < layers;
    }

    /** transformers 5 has {@code rope_parameters}, transformers 4 {@code rope_theta} and {@code rope_scaling}. */
    private RopeConfig rope(int maxPositions) {
        String key = hasEntries("rope_scaling") ? "rope_scaling" : "rope_parameters";
        double outerTheta = json.number("rope_theta", 10_000, 1, MAX_NUMBER);
        if (!hasEntries(key)) {
            return RopeConfig.unscaled(outerTheta);
        }
        JsonFields rope = json.object(key);
        if (rope.has("full_attention") || rope.has("sliding_attention")) {
            throw json.wrong(key, "one set of parameters for all layers");
        }
        if (rope.number("partial_rotary_factor", 1, 0, MAX_NUMBER) != 1) {
            throw rope.wrong("partial_rotary_factor", "1, partial rotation is not supported");
        }
        double theta = rope.number("rope_theta", outerTheta, 1, MAX_NUMBER);
        String typeKey = rope.has("rope_type") ? "rope_type" : "type";
        String type = rope.text(typeKey, "default");
        return switch (type) {
            case "default" -> RopeConfig.unscaled(theta);
            case "linear" -> new RopeConfig(RopeConfig.Type.LINEAR, theta, required(rope, "factor"), 0, 0, 0);
            case "llama3" -> llama3(rope, theta, maxPositions);
            default -> throw rope.wrong(typeKey, "one of default, linear, llama3");
        };
    }

    private RopeConfig llama3(JsonFields rope, double theta, int maxPositions) {
        double low = required(rope, "low_freq_factor");
        double high = required(rope, "high_freq_factor");
        if (high <= low) {
            throw rope.wrong("high_freq_factor", "a number above low_freq_factor (" + low + ")");
        }
        int outer = json.integer("original_max_position_embeddings", maxPositions, 1, Integer.MAX_VALUE);
        int original = json.has("original_max_position_embeddings")
                ? outer
                : rope.integer("original_max_position_embeddings", maxPositions, 1, Integer.MAX_VALUE);
        return new RopeConfig(RopeConfig.Type.LLAMA3, theta, required(rope, "factor"), low, high, original);
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

    private int tokenId(String key, int absent) {
        List<Integer> ids = json.tokenIds(key);
        if (ids.size() > 1) {
            throw json.wrong(key, "one token id");
        }
        if (!ids.isEmpty()) {
            return ids.get(0);
        }
        return json.mentions(key) ? -1 : absent;
    }

    private List<Integer> eosTokenIds() {
        if (json.mentions("eos_token_id") || family.defaultEosTokenId() < 0) {
            return json.tokenIds("eos_token_id");
        }
        return List.of(family.defaultEosTokenId());
    }
}
