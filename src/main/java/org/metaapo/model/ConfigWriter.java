package org.metaapo.model;

import org.metaapo.engine.Head;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;
import org.metaapo.checkpoint.Dtype;
import org.metaapo.files.Json;

/** Makes {@code config.json}, from a source's own or from nothing. */
final class ConfigWriter {
    private ConfigWriter() {}

    /**
     * Changes the dtype, what tells the head where it is another than the source's keys say, and the rotary keys to those of both
     * transformers 4 and 5; what is written is not packed, whatever the source is. Leaves all else as the source has it.
     */
    static void update(ObjectNode json, ModelConfig source, ModelConfig config, Dtype dtype) {
        String name = torchName(dtype);
        boolean neither = !json.has("dtype") && !json.has("torch_dtype");
        if (json.has("dtype")) {
            json.put("dtype", name);
        }
        if (json.has("torch_dtype") || neither) {
            json.put("torch_dtype", name);
        }
        if (source.head() != config.head() || !json.has("architectures") || labels(json) != 1 && config.head() == Head.VALUE) {
            putHead(json, config);
        }
        if (json.path("tie_word_embeddings").asBoolean() != config.tiedHead()) {
            json.put("tie_word_embeddings", config.tiedHead());
        }
        putRope(json, config.rope());
        json.remove("quantization_config");
    }

    /** As transformers counts them, for which none are two. */
    private static int labels(ObjectNode json) {
        return json.path("id2label").isObject() ? json.path("id2label").size() : json.path("num_labels").asInt(2);
    }

    /** A full configuration that transformers 4 and 5 read. */
    static ObjectNode create(ModelConfig config, Dtype dtype) {
        ObjectNode json = Json.mapper().createObjectNode();
        putHead(json, config);
        json.put("model_type", config.modelType());
        json.put("vocab_size", config.vocabSize());
        json.put("hidden_size", config.hiddenSize());
        json.put("intermediate_size", config.intermediateSize());
        json.put("num_hidden_layers", config.layers());
        json.put("num_attention_heads", config.heads());
        json.put("num_key_value_heads", config.kvHeads());
        json.put("head_dim", config.headDim());
        json.put("hidden_act", "silu");
        json.put("rms_norm_eps", config.rmsNormEps());
        json.put("initializer_range", config.initializerRange());
        json.put("max_position_embeddings", config.maxPositions());
        json.put("tie_word_embeddings", config.tiedHead());
        putRope(json, config.rope());
        putFamilyKeys(json, config);
        putTokens(json, config);
        json.put("torch_dtype", torchName(dtype));
        return json;
    }

    /** {@code generation_config.json} of a language model that has no source. */
    static ObjectNode generation(ModelConfig config) {
        ObjectNode json = Json.mapper().createObjectNode();
        putTokens(json, config);
        return json;
    }

    private static void putHead(ObjectNode json, ModelConfig config) {
        json.putArray("architectures").add(config.architecture());
        json.remove(List.of("id2label", "label2id", "num_labels"));
        if (config.head() == Head.VALUE) {
            json.putObject("id2label").put("0", "LABEL_0");
            json.putObject("label2id").put("LABEL_0", 0);
        }
    }

    /** For transformers 4 {@code rope_theta} and {@code rope_scaling}, for 5 {@code rope_parameters}. */
    private static void putRope(ObjectNode json, RopeConfig rope) {
        ObjectNode scaling = Json.mapper().createObjectNode();
        scaling.put("rope_type", rope.type().name().toLowerCase(Locale.ROOT));
        if (rope.type() != RopeConfig.Type.DEFAULT) {
            scaling.put("factor", rope.factor());
        }
        if (rope.type() == RopeConfig.Type.LLAMA3) {
            scaling.put("low_freq_factor", rope.lowFreqFactor());
            scaling.put("high_freq_factor", rope.highFreqFactor());
            scaling.put("original_max_position_embeddings", rope.originalMaxPositions());
        }
        json.put("rope_theta", rope.theta());
        if (rope.type() == RopeConfig.Type.DEFAULT) {
            json.putNull("rope_scaling");
        } else {
            json.set("rope_scaling", scaling);
        }
        json.set("rope_parameters", scaling.deepCopy().put("rope_theta", rope.theta()));
    }

    private static void putFamilyKeys(ObjectNode json, ModelConfig config) {
        ModelFamily family = ModelFamily.ofModelType(config.modelType()).orElseThrow();
        if (family.readsAttentionBias()) {
            json.put("attention_bias", config.outputBias());
        }
        if (family.readsMlpBias()) {
            json.put("mlp_bias", config.mlpBias());
        }
        LayerWindows.write(json, family, config.windows());
    }

    private static void putTokens(ObjectNode json, ModelConfig config) {
        if (config.padTokenId().isPresent()) {
            json.put("pad_token_id", config.padTokenId().getAsInt());
        } else {
            json.putNull("pad_token_id");
        }
        putToken(json, "bos_token_id", config.bosTokenId());
        if (config.eosTokenIds().size() == 1) {
            json.put("eos_token_id", config.eosTokenIds().get(0));
        } else if (config.eosTokenIds().isEmpty()) {
            json.putNull("eos_token_id");
        } else {
            ArrayNode ids = json.putArray("eos_token_id");
            config.eosTokenIds().forEach(ids::add);
        }
    }

    private static void putToken(ObjectNode json, String key, int id) {
        if (id < 0) {
            json.putNull(key);
        } else {
            json.put(key, id);
        }
    }

    private static String torchName(Dtype dtype) {
        return switch (dtype) {
            case F32 -> "float32";
            case F16 -> "float16";
            case BF16 -> "bfloat16";
            default -> throw new IllegalArgumentException("not a dtype of model weights: " + dtype);
        };
    }
}
