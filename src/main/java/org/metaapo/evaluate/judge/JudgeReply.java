package org.metaapo.evaluate.judge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.Map;
import org.metaapo.files.Json;

/**
 * What a judge replied.
 *
 * @param text of the reply
 * @param logProbs of the likeliest first tokens; empty where none were wanted
 * @param isCut whether the reply ended for want of tokens
 * @param promptTokens that were read; −1 where nobody says
 * @param replyTokens that were written; −1 where nobody says
 * @param seconds that the call took, its share of a group's; NaN where nobody has measured
 */
public record JudgeReply(String text, Map<String, Double> logProbs, boolean isCut, long promptTokens, long replyTokens, double seconds) {
    /** A reply whose time is not measured yet. */
    public JudgeReply(String text, Map<String, Double> logProbs, boolean isCut, long promptTokens, long replyTokens) {
        this(text, logProbs, isCut, promptTokens, replyTokens, Double.NaN);
    }

    ObjectNode json() {
        ObjectNode json = Json.mapper().createObjectNode().put("text", text);
        if (!logProbs.isEmpty()) {
            logProbs.forEach(json.putObject("log_probs")::put);
        }
        json.put("cut", isCut).put("prompt_tokens", promptTokens).put("reply_tokens", replyTokens);
        return Double.isNaN(seconds) ? json : json.put("seconds", seconds);
    }

    /** Reads {@link #json}; null where it is something else. */
    static JudgeReply of(JsonNode json) {
        Map<String, Double> logProbs = new LinkedHashMap<>();
        json.path("log_probs").properties().forEach(entry -> logProbs.put(entry.getKey(), entry.getValue().asDouble(Double.NaN)));
        boolean isWhole = json.path("text").isTextual() && json.path("cut").isBoolean() && json.path("prompt_tokens").isIntegralNumber()
                && json.path("reply_tokens").isIntegralNumber() && logProbs.values().stream().allMatch(Double::isFinite);
        return isWhole ? new JudgeReply(json.path("text").asText(), logProbs, json.path("cut").asBoolean(), json.path("prompt_tokens").asLong(),
                json.path("reply_tokens").asLong(), json.path("seconds").asDouble(Double.NaN)) : null;
    }
}
