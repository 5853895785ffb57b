package org.metaapo.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.engine.Adapter;
import org.metaapo.engine.Head;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/**
 * Reads {@code adapter_config.json} as PEFT 0.5 to 0.21 writes it. What would change the numbers and is not computed here is an
 * error that names the field; so is a field that is not known and says something, of which PEFT only warns.
 */
final class AdapterConfigReader {
    /** Fields that change no number; eva_config says how a start was found, which the file's tensors hold whole. */
    private static final Set<String> INERT = Set.of(
            "task_type", "inference_mode", "revision", "auto_mapping", "peft_version", "base_model_name_or_path", "megatron_core",
            "qalora_group_size", "runtime_config", "eva_config");

    private static final Set<String> READ = Set.of(
            "peft_type", "r", "lora_alpha", "lora_dropout", "use_rslora", "rank_pattern", "alpha_pattern", "target_modules",
            "exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save", "init_lora_weights", "bias");

    /** Fields of other methods, with the way out. */
    private static final Map<String, String> REFUSED = Map.of(
            "use_dora", "DoRA is not supported; merge the adapter with PEFT, or train without use_dora",
            "lora_bias", "biases on B are not supported; merge the adapter with PEFT",
            "trainable_token_indices", "training single tokens is not supported; merge the adapter with PEFT");

    private final Path file;
    private final JsonNode json;

    private AdapterConfigReader(Path file, JsonNode json) {
        this.file = file;
        this.json = json;
    }

    static AdapterConfig read(Path file, JsonNode json) {
        if (!json.isObject()) {
            throw new DataException(file + ": expected an object, found " + Json.describe(json));
        }
        return new AdapterConfigReader(file, json).config();
    }

    private AdapterConfig config() {
        String type = json.path("peft_type").asText("nothing");
        if (!type.equals("LORA")) {
            throw new DataException(file + ": peft_type: expected LORA, found " + type);
        }
        refuseUnsupported();
        Modules targets = modules("target_modules");
        Set<Integer> layers = layers();
        if (!layers.isEmpty() && targets.expression() != null) {
            throw wrong("layers_to_transform", "target_modules as a list of names beside it");
        }
        List<String> saved = saved();
        Head head = saved.isEmpty() && !json.path("task_type").asText().equals("SEQ_CLS") ? Head.LM : Head.VALUE;
        return new AdapterConfig(
                json.has("r") ? rank("r", json.get("r")) : 8,
                number("lora_alpha", 8, -1e9, 1e9),
                number("lora_dropout", 0, 0, Math.nextDown(1.0)),
                flag("use_rslora"),
                targets,
                json.has("exclude_modules") && saysSomething(json.get("exclude_modules")) ? modules("exclude_modules") : Modules.none(),
                layers,
                texts("layers_pattern"),
                rankPattern(),
                alphaPattern(),
                saved,
                init(),
                head,
                json.path("base_model_name_or_path").isTextual() ? json.path("base_model_name_or_path").asText() : null);
    }

    private void refuseUnsupported() {
        for (Iterator<String> names = json.fieldNames(); names.hasNext();) {
            String name = names.next();
            if (!INERT.contains(name) && !READ.contains(name) && saysSomething(json.get(name))) {
                throw new DataException(file + ": " + name + ": " + REFUSED.getOrDefault(name,
                        "this field is not supported, expected it absent, null, false or empty") + ", found " + Json.describe(json.get(name)));
            }
        }
        if (!json.path("bias").asText("none").equals("none")) {
            throw wrong("bias", "\"none\", for trained biases are not supported");
        }
    }

    private static boolean saysSomething(JsonNode value) {
        return !(value.isNull() || (value.isBoolean() && !value.booleanValue()) || (value.isContainerNode() && value.isEmpty())
                || (value.isTextual() && value.asText().isEmpty()));
    }

    private Modules modules(String field) {
        JsonNode node = json.path(field);
        if (node.isTextual()) {
            return new Modules(null, node.asText());
        }
        List<String> names = texts(field);
        if (names.isEmpty()) {
            throw wrong(field, "a list of module names or a regular expression");
        }
        for (String name : names) {
            for (String head : List.of("lm_head", "embed_tokens", "score")) {
                if (field.equals("target_modules") && (name.equals(head) || name.endsWith("." + head))) {
                    throw new DataException(file + ": " + field + ": an adapter on " + name
                            + " is not supported; merge it with PEFT, or train the linear maps of the layers");
                }
            }
        }
        return Modules.of(names);
    }

    private List<String> texts(String field) {
        JsonNode node = json.path(field);
        if (node.isMissingNode() || node.isNull()) {
            return List.of();
        }
        if (node.isTextual()) {
            return List.of(node.asText());
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode item : node) {
            if (!item.isTextual()) {
                throw wrong(field, "a list of texts");
            }
            texts.add(item.asText());
        }
        if (!node.isArray()) {
            throw wrong(field, "a list of texts");
        }
        return texts;
    }

    private Set<Integer> layers() {
        JsonNode node = json.path("layers_to_transform");
        Set<Integer> layers = new LinkedHashSet<>();
        if (node.isMissingNode() || node.isNull()) {
            return layers;
        }
        for (JsonNode item : node.isArray() ? node : List.of(node)) {
            if (!item.isIntegralNumber() || !item.canConvertToInt() || item.intValue() < 0) {
                throw wrong("layers_to_transform", "a layer's number or a list of them");
            }
            layers.add(item.intValue());
        }
        return layers;
    }

    /** PEFT adds the names of all classification heads for SEQ_CLS; those that the model does not have are in no file. */
    private List<String> saved() {
        List<String> saved = new ArrayList<>();
        for (String name : texts("modules_to_save")) {
            if (name.equals("score") || name.endsWith(".score")) {
                saved.add("score");
            } else if (!name.equals("classifier")) {
                throw new DataException(file + ": modules_to_save: " + name + " trained whole is not supported, expected none, or the "
                        + "score head of a reward adapter; merge the adapter with PEFT");
            }
        }
        return saved.stream().distinct().toList();
    }

    private Adapter.Init init() {
        JsonNode node = json.path("init_lora_weights");
        if (node.isMissingNode() || node.isNull() || node.isBoolean()) {
            return Adapter.Init.UNIFORM;
        }
        String name = node.asText().toLowerCase(java.util.Locale.ROOT);
        // eva and orthogonal say how a start was found, which the file's tensors hold whole.
        return switch (name) {
            case "gaussian" -> Adapter.Init.GAUSSIAN;
            case "true", "eva", "orthogonal" -> Adapter.Init.UNIFORM;
            default -> throw new DataException(file + ": init_lora_weights: \"" + name + "\" changes the base model's weights or trains a "
                    + "part alone, expected true, gaussian, eva or orthogonal; convert the adapter to plain LoRA with PEFT "
                    + "(path_initial_model_for_weight_conversion)");
        };
    }

    private Map<String, Integer> rankPattern() {
        Map<String, Integer> pattern = new LinkedHashMap<>();
        object("rank_pattern").properties().forEach(
                entry -> pattern.put(entry.getKey(), rank("rank_pattern", entry.getValue())));
        return pattern;
    }

    private Map<String, Double> alphaPattern() {
        Map<String, Double> pattern = new LinkedHashMap<>();
        object("alpha_pattern").properties().forEach(entry -> {
            if (!entry.getValue().isNumber()) {
                throw wrong("alpha_pattern", "numbers");
            }
            pattern.put(entry.getKey(), entry.getValue().doubleValue());
        });
        return pattern;
    }

    private JsonNode object(String field) {
        JsonNode node = json.path(field);
        if (node.isMissingNode() || node.isNull()) {
            return Json.mapper().createObjectNode();
        }
        if (!node.isObject()) {
            throw wrong(field, "an object of expressions and numbers");
        }
        return node;
    }

    private int rank(String field, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
            throw wrong(field, "a rank of 1 or more");
        }
        return value.intValue();
    }

    private double number(String field, double absent, double min, double max) {
        JsonNode node = json.path(field);
        if (node.isMissingNode() || node.isNull()) {
            return absent;
        }
        if (!node.isNumber() || !(node.doubleValue() >= min && node.doubleValue() <= max)) {
            throw wrong(field, "a number from " + min + " to " + max);
        }
        return node.doubleValue();
    }

    private boolean flag(String field) {
        JsonNode node = json.path(field);
        if (!node.isMissingNode() && !node.isNull() && !node.isBoolean()) {
            throw wrong(field, "true or false");
        }
        return node.asBoolean(false);
    }

    private DataException wrong(String field, String expected) {
        return new DataException(file + ": " + field + ": expected " + expected + ", found " + Json.describe(json.path(field)));
    }
}
