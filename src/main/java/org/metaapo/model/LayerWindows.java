package org.metaapo.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/** Sliding windows in {@code config.json}: how many tokens a token of each layer attends to, itself included; 0 for all. */
final class LayerWindows {
    private static final String FULL = "full_attention";
    private static final String SLIDING = "sliding_attention";

    private LayerWindows() {}

    /**
     * The windows of all layers. transformers' Llama has none but in the cache of its generation, where it would attend to
     * less than in training: a window is refused there. A Mistral with {@code layer_types} is what transformers' AutoModel
     * makes of it, a Ministral.
     */
    static List<Integer> read(JsonFields json, ModelFamily family, int layers, int maxPositions) {
        List<Boolean> named = types(json, layers);
        int given = window(json, family);
        // A llama attends to all tokens whatever is said of a window; one beyond its positions is not worth an error.
        int window = family == ModelFamily.LLAMA ? 0 : given;
        if (family == ModelFamily.LLAMA) {
            if (given > 0 && given < maxPositions) {
                throw json.wrong("sliding_window", "null or nothing, for a llama attends to all tokens");
            }
            if (named != null && named.contains(true)) {
                throw json.wrong("layer_types", FULL + " in all layers, for a llama attends to all tokens");
            }
        }
        if (named == null) {
            int first = family == ModelFamily.MISTRAL ? 0 : json.integer("max_window_layers", 28, 0, Integer.MAX_VALUE);
            named = new ArrayList<>();
            for (int layer = 0; layer < layers; layer++) {
                named.add(layer >= first);
            }
        } else if (named.contains(true) && !windowed(json, family)) {
            throw json.wrong("layer_types", FULL + " in all layers where "
                    + (json.flag("use_sliding_window", false) || family == ModelFamily.MISTRAL
                            ? "sliding_window is null" : "use_sliding_window is false"));
        }
        return named.stream().map(slides -> slides ? window : 0).toList();
    }

    /** Whether a window is in force in the layers that have one. */
    private static boolean windowed(JsonFields json, ModelFamily family) {
        boolean none = json.mentions("sliding_window") && !json.has("sliding_window");
        return !none
                && switch (family) {
                    case LLAMA -> json.has("sliding_window");
                    case MISTRAL -> true;
                    case QWEN2, QWEN3 -> json.flag("use_sliding_window", false);
                };
    }

    private static int window(JsonFields json, ModelFamily family) {
        if (!windowed(json, family)) {
            return 0;
        }
        return json.integer("sliding_window", 4096, 1, Integer.MAX_VALUE);
    }

    /** Whether each layer slides, as {@code layer_types} says; null where it is absent. */
    private static List<Boolean> types(JsonFields json, int layers) {
        JsonNode types = json.get("layer_types");
        if (types.isMissingNode()) {
            return null;
        }
        if (!types.isArray() || types.size() != layers) {
            throw json.wrong("layer_types", "a list of " + layers + ", one for each of num_hidden_layers");
        }
        List<Boolean> slides = new ArrayList<>();
        for (JsonNode type : types) {
            if (!type.asText().equals(FULL) && !type.asText().equals(SLIDING)) {
                throw new DataException(json.file() + ": layer_types: expected " + FULL + " or " + SLIDING + ", found "
                        + Json.describe(type));
            }
            slides.add(type.asText().equals(SLIDING));
        }
        return slides;
    }

    /** Puts the keys of a family. */
    static void write(ObjectNode json, ModelFamily family, List<Integer> windows) {
        if (family == ModelFamily.LLAMA) {
            return;
        }
        int window = Collections.max(windows);
        if (window > 0) {
            json.put("sliding_window", window);
        } else {
            json.putNull("sliding_window");
        }
        if (family != ModelFamily.MISTRAL) {
            json.put("use_sliding_window", window > 0);
            json.put("max_window_layers", window > 0 ? 0 : windows.size());
        }
        if (window > 0 && windows.contains(0)) {
            ArrayNode types = json.putArray("layer_types");
            windows.forEach(of -> types.add(of > 0 ? SLIDING : FULL));
        }
    }
}
