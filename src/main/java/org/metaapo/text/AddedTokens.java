package org.metaapo.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/**
 * The tokens that transformers adds to those of {@code tokenizer.json} from {@code tokenizer_config.json}: all of
 * {@code added_tokens_decoder} in the order of its ids, the named special tokens ({@code eos_token}, {@code pad_token}, …) and
 * {@code additional_special_tokens}. A token that is there already gets the flags of {@code added_tokens_decoder}, and stays special
 * where it was. One of the vocabulary has its id there, another the next free id.
 */
final class AddedTokens {
    private static final List<String> NAMED = List.of(
            "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");
    private static final List<String> LISTED = List.of("additional_special_tokens", "extra_special_tokens");
    private static final List<String> FLAGS = List.of("single_word", "lstrip", "rstrip", "normalized", "special");

    private final Path configFile;
    private final ArrayNode tokens;
    private final Map<String, ObjectNode> byContent = new HashMap<>();
    private final Map<String, Integer> vocabulary;
    private int next;

    private AddedTokens(JsonNode tokenizer, Path configFile) {
        this.configFile = configFile;
        this.tokens = tokenizer.path("added_tokens").isArray()
                ? tokenizer.path("added_tokens").deepCopy()
                : Json.mapper().createArrayNode();
        this.vocabulary = vocabulary(tokenizer);
        this.next = vocabulary.size();
        for (JsonNode token : tokens) {
            if (!token.isObject()) {
                continue;  // the tokenizer's own reader tells
            }
            byContent.putIfAbsent(token.path("content").asText(), (ObjectNode) token);
            next = Math.max(next, token.path("id").asInt(-1) + 1);
        }
    }

    /** {@code tokenizer.json} with them: the same object where it has them all. */
    static JsonNode merged(JsonNode tokenizer, JsonNode config, Path configFile) {
        AddedTokens added = new AddedTokens(tokenizer, configFile);
        added.addDecoder(config.path("added_tokens_decoder"));
        NAMED.forEach(key -> added.addSpecial(config.path(key), true));
        LISTED.forEach(key -> config.path(key).forEach(token -> added.addSpecial(token, false)));
        if (added.tokens.equals(tokenizer.path("added_tokens")) || added.tokens.isEmpty()) {
            return tokenizer;
        }
        ObjectNode merged = tokenizer.deepCopy();
        merged.set("added_tokens", added.tokens);
        return merged;
    }

    /** Texts and ids of a tokenizer's model. */
    static Map<String, Integer> vocabulary(JsonNode tokenizer) {
        Map<String, Integer> ids = new HashMap<>();
        JsonNode vocab = tokenizer.path("model").path("vocab");
        if (vocab.isObject()) {
            vocab.properties().forEach(entry -> ids.put(entry.getKey(), entry.getValue().asInt(-1)));
        } else {
            for (int i = 0; i < vocab.size(); i++) {
                ids.put(vocab.get(i).path(0).asText(), i);
            }
        }
        return ids;
    }

    private void addDecoder(JsonNode decoder) {
        Map<Integer, JsonNode> byId = new TreeMap<>();
        decoder.properties().forEach(entry -> {
            if (!entry.getKey().matches("\\d{1,9}") || !entry.getValue().path("content").isTextual()) {
                throw new DataException(configFile + ": added_tokens_decoder: expected an id and a token with its content, found \""
                        + entry.getKey() + "\" and " + Json.describe(entry.getValue()));
            }
            byId.put(Integer.parseInt(entry.getKey()), entry.getValue());
        });
        byId.forEach((id, token) -> {
            int given = add(token.path("content").textValue(), token);
            if (given != id) {
                throw new DataException(configFile + ": added_tokens_decoder: the token " + Json.write(token.path("content"))
                        + " has id " + id + ", and with tokenizer.json it is " + given);
            }
        });
    }

    /** Adds a special token; one that is there becomes special where {@code always} says so, and keeps its other flags. */
    private void addSpecial(JsonNode named, boolean always) {
        String content = named.isTextual() ? named.textValue() : named.path("content").asText("");
        if (content.isEmpty()) {
            return;
        }
        ObjectNode there = byContent.get(content);
        if (there != null) {
            if (always) {
                there.put("special", true);
            }
            return;
        }
        ObjectNode token = named.isObject() ? named.deepCopy() : Json.mapper().createObjectNode();
        add(content, token.put("special", true));
    }

    /** Adds a token or changes the flags of one; returns its id. */
    private int add(String content, JsonNode flags) {
        ObjectNode token = byContent.get(content);
        boolean special = flags.path("special").asBoolean();
        if (token == null) {
            Integer id = vocabulary.get(content);
            token = Json.mapper().createObjectNode().put("id", id == null ? next : id).put("content", content);
            next = Math.max(next, token.path("id").intValue() + 1);
            byContent.put(content, token);
            tokens.add(token);
        } else {
            special |= token.path("special").asBoolean();
        }
        for (String flag : FLAGS) {
            // As transformers' AddedToken: what is not special is normalized.
            token.put(flag, flags.path(flag).asBoolean(flag.equals("normalized") && !special));
        }
        token.put("special", special);
        return token.path("id").intValue();
    }
}
