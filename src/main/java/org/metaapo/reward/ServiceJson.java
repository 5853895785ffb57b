package org.metaapo.reward;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.data.Prompt;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.text.Answer;
import org.metaapo.text.Conversation;

/**
 * What goes to a reward service or command and comes back, in JSON:
 * <pre>
 * {"items": [{"id": "0", "messages": [{"role": "user", "content": "…"}], "answers": ["…", "…"]}]}
 * {"items": [{"id": "0", "scores": [0.5, -1.25]}], "usage": {"prompt_tokens": 812, "completion_tokens": 0}}
 * </pre>
 * An answer is a text, or a list of turns where there is more to it. The reply has each item once, in any order. {@code usage} and
 * further fields may be there or not. An item has {@code tools}, {@code documents} and
 * {@code chat_template_kwargs} where the data has them.
 */
final class ServiceJson {
    private ServiceJson() {}

    /** Answers to one prompt. */
    record Item(Prompt prompt, List<Answer> answers) {}

    /** Questions in a row about the same prompt, together. */
    static List<Item> items(List<Question> questions) {
        List<Item> items = new ArrayList<>();
        for (Question question : questions) {
            if (items.isEmpty() || items.get(items.size() - 1).prompt() != question.prompt()) {
                items.add(new Item(question.prompt(), new ArrayList<>()));
            }
            items.get(items.size() - 1).answers().add(question.answer());
        }
        return items;
    }

    static String request(List<Item> items) {
        ObjectNode request = Json.mapper().createObjectNode();
        ArrayNode list = request.putArray("items");
        for (int i = 0; i < items.size(); i++) {
            Conversation conversation = items.get(i).prompt().conversation();
            ObjectNode item = list.addObject().put("id", Integer.toString(i));
            item.set("messages", Json.mapper().valueToTree(Question.messages(items.get(i).prompt())));
            if (conversation.tools() != null) {
                item.set("tools", Json.mapper().valueToTree(conversation.tools()));
            }
            if (conversation.documents() != null) {
                item.set("documents", Json.mapper().valueToTree(conversation.documents()));
            }
            if (!conversation.variables().isEmpty()) {
                item.set("chat_template_kwargs", Json.mapper().valueToTree(conversation.variables()));
            }
            item.set("answers", Json.mapper().valueToTree(items.get(i).answers().stream().map(Answer::plain).toList()));
        }
        return Json.write(request);
    }

    /**
     * The scores of all items' answers, in order.
     *
     * @param where names the source
     * @throws DataException if an item or a score is missing, there are others, or a score is not a finite number
     */
    static double[] scores(JsonNode reply, List<Item> items, String where, CallLog log) {
        JsonNode list = reply.path("items");
        if (!list.isArray()) {
            throw new DataException(where + ": expected an object with a list of items, found "
                    + (reply.isObject() ? "items: " : "") + Json.describe(reply.isObject() ? list : reply));
        }
        Map<String, JsonNode> byId = new HashMap<>();
        for (JsonNode item : list) {
            JsonNode id = item.path("id");
            if (!id.isTextual() || !isId(id.asText(), items.size())) {
                throw new DataException(where + ": an item has the id " + Json.describe(id) + "; expected one of the request's, \"0\" to \""
                        + (items.size() - 1) + "\"");
            }
            if (byId.put(id.asText(), item.path("scores")) != null) {
                throw new DataException(where + ": item \"" + id.asText() + "\" is there twice");
            }
        }
        double[] scores = new double[items.stream().mapToInt(item -> item.answers().size()).sum()];
        int at = 0;
        for (int i = 0; i < items.size(); i++) {
            JsonNode values = byId.get(Integer.toString(i));
            int count = items.get(i).answers().size();
            String place = where + ": item \"" + i + "\" (prompt \"" + Question.start(items.get(i).prompt()) + "\")";
            if (values == null) {
                throw new DataException(place + " is missing; expected all " + items.size() + " items of the request");
            }
            if (!values.isArray() || values.size() != count) {
                throw new DataException(place + ": expected " + count + " scores, found " + Json.describe(values));
            }
            for (JsonNode value : values) {
                if (!value.isNumber() || !Double.isFinite(value.asDouble())) {
                    throw new DataException(place + ": a score is " + Json.describe(value) + "; expected a finite number");
                }
                scores[at++] = value.asDouble();
            }
        }
        tokens(reply, log);
        return scores;
    }

    private static boolean isId(String id, int count) {
        return id.matches("0|[1-9][0-9]{0,8}") && Integer.parseInt(id) < count;
    }

    /** Tells the tokens of a reply that has them, as OpenAI's endpoints write them. */
    static void tokens(JsonNode reply, CallLog log) {
        JsonNode usage = reply.path("usage");
        log.tokens(count(usage.path("prompt_tokens")), count(usage.path("completion_tokens")));
    }

    private static long count(JsonNode node) {
        return node.canConvertToExactIntegral() && node.canConvertToLong() ? Math.max(0, node.asLong()) : 0;
    }
}
