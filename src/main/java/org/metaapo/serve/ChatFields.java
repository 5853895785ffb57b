package org.metaapo.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;
import org.metaapo.text.TemplateVariables;

/** A conversation as requests write it. */
final class ChatFields {
    private static final Set<String> ROLES = Set.of("system", "developer", "user", "assistant", "tool");
    private static final Set<String> KINDS = Set.of("image_url", "input_audio", "audio", "video_url", "file", "image", "video");

    private ChatFields() {}

    /** Ids of the prompt. */
    static int[] prompt(ServedModel model, Fields fields) {
        if (!model.format().hasTemplate()) {
            throw ApiException.invalid("messages", "the model has no chat template; use /v1/completions");
        }
        for (String name : List.of("functions", "function_call", "audio", "chat_template")) {
            if (fields.has(name)) {
                throw ApiException.invalid(name, name + " is not served");
            }
        }
        if (fields.flag("continue_final_message", false)) {
            throw ApiException.invalid("continue_final_message", "continue_final_message is not served");
        }
        JsonNode modalities = fields.get("modalities");
        if (modalities != null && !modalities.equals(Json.mapper().createArrayNode().add("text"))) {
            throw fields.wrong("modalities", "[\"text\"]");
        }
        Conversation conversation = new Conversation(messages(fields), tools(fields), documents(fields), TemplateVariables.merged(model.variables(), variables(fields)));
        try {
            String text = model.format().render(conversation, fields.flag("add_generation_prompt", true));
            return model.tokenizer().encode(text);
        } catch (DataException e) {
            throw ServedModel.refused("messages", e);
        }
    }

    private static List<Message> messages(Fields fields) {
        JsonNode list = fields.get("messages");
        if (list == null || !list.isArray() || list.isEmpty()) {
            throw fields.wrong("messages", "a list of at least one message");
        }
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            messages.add(message("messages[" + i + "]", list.get(i)));
        }
        return messages;
    }

    private static Message message(String where, JsonNode message) {
        if (!message.isObject()) {
            throw ApiException.invalid(where, where + " is " + Json.describe(message) + "; expected an object with role and content");
        }
        String role = message.path("role").asText("");
        if (!message.path("role").isTextual() || !ROLES.contains(role)) {
            throw ApiException.invalid(where, where + ".role is " + Json.describe(message.get("role")) + "; expected system, developer, user, assistant or tool");
        }
        boolean calls = message.path("tool_calls").isArray() && !message.path("tool_calls").isEmpty();
        JsonNode content = message.path("content");
        boolean none = content.isMissingNode() || content.isNull();
        if (none && !(role.equals("assistant") && calls)) {
            throw ApiException.invalid(where, where + ".content is " + Json.describe(message.get("content")) + "; expected a text or a list of text parts");
        }
        Map<String, Object> turn = new LinkedHashMap<>();
        // OpenAI's newer name of the system's role, which templates do not know.
        turn.put("role", role.equals("developer") ? "system" : role);
        String text = none ? "" : text(where + ".content", content);
        turn.put("content", text);
        message.properties().forEach(entry -> {
            if (!turn.containsKey(entry.getKey()) && !entry.getValue().isNull()) {
                turn.put(entry.getKey(), entry.getKey().equals("tool_calls") ? toolCalls(where, entry.getValue()) : Json.plain(entry.getValue()));
            }
        });
        return new Message((String) turn.get("role"), text, turn);
    }

    private static String text(String where, JsonNode content) {
        if (content.isTextual()) {
            return content.textValue();
        }
        if (!content.isArray()) {
            throw ApiException.invalid(where, where + " is " + Json.describe(content) + "; expected a text or a list of text parts");
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            String type = part.path("type").asText("");
            if (!type.equals("text") || !part.path("text").isTextual()) {
                throw ApiException.invalid(where, KINDS.contains(type)
                        ? where + " has a part of type " + type + ", and the model reads text alone"
                        : where + " has the part " + Json.describe(part) + "; expected {\"type\": \"text\", \"text\": \u2026}");
            }
            text.append(part.path("text").textValue());
        }
        return text.toString();
    }

    /** Templates read a call's arguments as an object, and requests have them as its JSON. */
    private static Object toolCalls(String where, JsonNode calls) {
        JsonNode copy = calls.deepCopy();
        for (JsonNode call : copy) {
            if (call.path("function") instanceof ObjectNode function && function.path("arguments").isTextual()) {
                try {
                    function.set("arguments", Json.parse(function.path("arguments").textValue(), where + ".tool_calls: arguments"));
                } catch (DataException e) {
                    throw ApiException.invalid(where, e.getMessage());
                }
            }
        }
        return Json.plain(copy);
    }

    private static Object tools(Fields fields) {
        JsonNode tools = fields.get("tools");
        JsonNode choice = fields.get("tool_choice");
        if (choice != null && !choice.asText().equals("none") && !choice.asText().equals("auto")) {
            throw fields.wrong("tool_choice", "\"none\" or \"auto\"; that a tool is called cannot be made sure");
        }
        if (tools == null || tools.isArray() && tools.isEmpty() || choice != null && choice.asText().equals("none")) {
            return null;
        }
        if (!tools.isArray()) {
            throw fields.wrong("tools", "a list");
        }
        return Json.plain(tools);
    }

    private static Object documents(Fields fields) {
        JsonNode documents = fields.get("documents");
        if (documents != null && !documents.isArray()) {
            throw fields.wrong("documents", "a list");
        }
        return documents == null ? null : Json.plain(documents);
    }

    private static Map<String, Object> variables(Fields fields) {
        JsonNode given = fields.get("chat_template_kwargs");
        if (given == null) {
            return Map.of();
        }
        if (!given.isObject()) {
            throw fields.wrong("chat_template_kwargs", "an object");
        }
        Map<String, Object> variables = new LinkedHashMap<>();
        given.properties().forEach(entry -> variables.put(entry.getKey(), Json.plain(entry.getValue())));
        String refusal = TemplateVariables.refusal(variables.keySet());
        if (refusal != null) {
            throw ApiException.invalid("chat_template_kwargs", "chat_template_kwargs: " + refusal);
        }
        return variables;
    }
}
