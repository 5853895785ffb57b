package org.metaapo.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.function.LongSupplier;
import org.metaapo.engine.GenerationLoop;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.model.ModelConfig;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Tokenizer;

/**
 * The model that is served, and how much it takes.
 *
 * @param id its name in requests
 * @param created Unix seconds, when it was loaded
 * @param format tokenizer and template
 * @param config its shape
 * @param cacheTokens of the KV cache
 * @param newTokens of an answer, where a request sets no bound
 * @param variables of the chat template, which a request's own go before
 * @param seeds for requests without one
 * @param loop what answers
 */
record ServedModel(String id, long created, ChatFormat format, ModelConfig config, long cacheTokens, int newTokens, Map<String, Object> variables,
        LongSupplier seeds, GenerationLoop loop) {
    Tokenizer tokenizer() {
        return format.tokenizer();
    }

    int vocabulary() {
        return config.vocabSize();
    }

    /** Tokens of a prompt and its answer. */
    int maxModelLength() {
        return (int) Math.min(config.maxPositions(), cacheTokens);
    }

    /**
     * How many tokens an answer may have.
     *
     * @param asked null for no bound
     * @throws ApiException where the prompt leaves no room, or less than was asked for
     */
    int newTokens(int promptTokens, Integer asked, String promptField, String askedField) {
        int room = maxModelLength() - promptTokens;
        if (room < 1 || asked != null && asked > room) {
            throw ApiException.tooLong(room < 1 ? promptField : askedField, "the prompt has " + promptTokens + " tokens"
                    + (asked == null ? "" : ", with " + asked + " new ones " + ((long) promptTokens + asked))
                    + ", and the model takes " + maxModelLength() + " in all");
        }
        return asked == null ? Math.min(room, newTokens) : asked;
    }

    /** A list of token ids. */
    int[] ids(String field, JsonNode list) {
        if (!list.isArray()) {
            throw ApiException.invalid(field, field + " is " + Json.describe(list) + "; expected a list of token ids");
        }
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            JsonNode id = list.get(i);
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0 || id.intValue() >= vocabulary()) {
                throw ApiException.invalid(field, field + ": entry " + i + " is " + Json.describe(id) + "; expected a token id from 0 to " + (vocabulary() - 1));
            }
            ids[i] = id.intValue();
        }
        return ids;
    }

    /** What a tokenizer or template refuses is the request's fault. */
    static ApiException refused(String field, DataException e) {
        return ApiException.invalid(field, e.getMessage());
    }
}
