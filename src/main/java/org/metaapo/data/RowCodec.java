package org.metaapo.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/** A row's texts as bytes, for a {@link RowStore}; id and source lie in its index. */
final class RowCodec {
    private RowCodec() {}

    static byte[] encode(Row row) {
        ObjectNode json = Json.mapper().createObjectNode();
        json.set("prompt", prompt(row.prompt()));
        json.putPOJO("chosen", row.chosen()).putPOJO("rejected", row.rejected());
        json.putPOJO("online_chosen", row.onlineChosen()).putPOJO("online_rejected", row.onlineRejected());
        json.putPOJO("score_chosen", row.scoreChosen()).putPOJO("score_rejected", row.scoreRejected());
        json.putPOJO("label", row.label()).putPOJO("responses", row.responses());
        return bytes(json);
    }

    /** What tells prompts apart: equal for equal turns, tools and documents. */
    static String promptDigest(Prompt prompt) {
        return Digests.sha256(bytes(prompt(prompt))).substring(0, 32);
    }

    private static byte[] bytes(JsonNode json) {
        try {
            return Json.mapper().writeValueAsBytes(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("texts and numbers can be written", e);
        }
    }

    private static JsonNode prompt(Prompt prompt) {
        ObjectNode json = Json.mapper().createObjectNode();
        if (!prompt.isConversation()) {
            return json.put("text", prompt.text());
        }
        json.set("turns", Json.mapper().valueToTree(prompt.conversation().turns()));
        json.set("tools", Json.mapper().valueToTree(prompt.conversation().tools()));
        json.set("documents", Json.mapper().valueToTree(prompt.conversation().documents()));
        return json;
    }

    static Row decode(byte[] bytes, int id, String source) {
        JsonNode json;
        try {
            json = Json.mapper().readTree(bytes);
        } catch (IOException e) {
            throw new IllegalStateException("a stored row does not parse", e);
        }
        return new Row(
                id, source, promptOf(json.path("prompt")), text(json, "chosen"), text(json, "rejected"), text(json, "online_chosen"),
                text(json, "online_rejected"), number(json, "score_chosen"), number(json, "score_rejected"),
                json.path("label").isBoolean() ? json.path("label").asBoolean() : null, texts(json.path("responses")));
    }

    private static Prompt promptOf(JsonNode json) {
        if (json.has("text")) {
            return new Prompt(json.path("text").asText());
        }
        List<Message> turns = new ArrayList<>();
        for (JsonNode turn : json.path("turns")) {
            @SuppressWarnings("unchecked")
            Map<String, Object> fields = (Map<String, Object>) plain(turn.path("fields"));
            turns.add(new Message(turn.path("role").asText(), turn.path("content").asText(), fields));
        }
        return new Prompt(new Conversation(turns, plain(json.path("tools")), plain(json.path("documents"))));
    }

    private static Object plain(JsonNode json) {
        return Json.mapper().convertValue(json, Object.class);
    }

    private static String text(JsonNode json, String field) {
        return json.path(field).textValue();
    }

    private static Double number(JsonNode json, String field) {
        return json.path(field).isNumber() ? json.path(field).asDouble() : null;
    }

    private static List<String> texts(JsonNode json) {
        if (!json.isArray()) {
            return null;
        }
        List<String> texts = new ArrayList<>();
        json.forEach(text -> texts.add(text.asText()));
        return texts;
    }
}
