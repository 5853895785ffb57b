package org.metaapo.model;

import org.metaapo.engine.Head;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
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

    private final JsonFields json;
    private final ModelFamily family;

    private ConfigReader(JsonFields json) {
        this.json = json;
        if (!json.has("model_type")) {
            throw json.wrong("model_type", "one of " + ModelFamily.modelTypes());
        }
        String modelType = json.text("model_type", "");
        this.family = ModelFamily.ofModelType(modelType)
                .orElseThrow(() -> new DataException(json.file() + ": model_type: expected one of " + ModelFamily.modelTypes()
                        + ", found " + OtherModels.described(modelType)));
    }

    static ModelConfig read(Path file, JsonNode root) {
        return new ConfigReader(new JsonFields(file, root)).config();
    }

    private ModelConfig config() {
        FixedKeys.check(json);
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
        int vocabulary = json.integer("vocab_size", family.defaultVocabSize(), 1, MAX_VOCABULARY);
        return new ModelConfig(
                family.modelType(),
                family.architecture(head),
                vocabulary,
                hidden,
                json.integer("intermediate_size", family.defaultIntermediateSize(), 1, MAX_WIDTH),
                layers,
                heads,
                kvHeads,
                headDim,
                json.number("rms_norm_eps", 1e-6, 0, 1),
                json.number("initializer_range", 0.02, 0, 1),
                RopeReader.read(json, maxPositions),
                maxPositions,
                json.flag("tie_word_embeddings", false),
                family.alwaysQkvBias() || attentionBias,
                attentionBias,
                family.readsMlpBias() && json.flag("mlp_bias", false),
                family.hasQkNorm(),
                LayerWindows.read(json, family, layers, maxPositions),
                head,
                padTokenId(vocabulary),
                tokenId("bos_token_id", family.defaultBosTokenId()),
                eosTokenIds(),
                QuantizationReader.read(json));
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
            return Head.VALUE;
        }
        throw new DataException(json.file() + ": architectures: expected " + family.architecture(Head.LM) + " or "
                + family.architecture(Head.VALUE) + " for model_type " + family.modelType() + ", found \"" + found + "\"");
    }

    /** Negative ids too: torch counts them from the vocabulary's end. */
    private OptionalInt padTokenId(int vocabulary) {
        return json.has("pad_token_id")
                ? OptionalInt.of(json.integer("pad_token_id", 0, -vocabulary, Integer.MAX_VALUE))
                : OptionalInt.empty();
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
