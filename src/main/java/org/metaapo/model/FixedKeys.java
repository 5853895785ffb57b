package org.metaapo.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.metaapo.error.DataException;

/**
 * Keys of {@code config.json} with which transformers computes something else, and of which the engine computes one value alone.
 * Any other value is an error: none of them is ignored.
 */
final class FixedKeys {
    /** Keys that stand for a computation of their own, and what it is. */
    private static final List<List<String>> ABSENT = List.of(
            List.of("per_layer_config", "settings by layer"),
            List.of("attention_chunk_size", "attention by chunks"),
            List.of("pruned_heads", "heads left out"),
            List.of("kv_sharing_modes", "keys and values of another layer"),
            List.of("num_kv_shared_layers", "keys and values of another layer"),
            List.of("text_config", "a model within another"),
            List.of("decoder", "a model within another"),
            List.of("generator", "a model within another"),
            List.of("text_encoder", "a model within another"),
            List.of("transformers_weights", "weights in a file of another name"));

    private FixedKeys() {}

    static void check(JsonFields json) {
        for (String key : List.of("num_experts", "num_local_experts", "n_routed_experts")) {
            if (json.has(key)) {
                throw new DataException(json.file() + ": " + key + ": mixtures of experts are not supported, expected "
                        + "a dense model of type " + ModelFamily.modelTypes());
            }
        }
        for (List<String> entry : ABSENT) {
            JsonNode value = json.get(entry.get(0));
            if (!value.isMissingNode() && !(value.isContainerNode() && value.isEmpty())) {
                throw json.wrong(entry.get(0), "null or nothing, for " + entry.get(1) + " is not supported");
            }
        }
        String activation = json.text("hidden_act", "silu");
        // transformers' two names of one function
        if (!activation.equals("silu") && !activation.equals("swish")) {
            throw json.wrong("hidden_act", "\"silu\", the only activation supported");
        }
        if (json.number("attention_dropout", 0, 0, 1) != 0) {
            throw json.wrong("attention_dropout", "0, for training has no dropout");
        }
        if (!json.flag("is_causal", true)) {
            throw json.wrong("is_causal", "true, for each token attends to those before it");
        }
        if (json.flag("is_encoder_decoder", false)) {
            throw json.wrong("is_encoder_decoder", "false, a decoder alone");
        }
    }
}
