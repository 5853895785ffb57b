package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.text.Message;
import org.metaapo.text.TemplateVariables;

/** Reads the texts, turns and template values of a row's columns; what is wrong is told with its place. */
final class TurnParser {
    private static final Set<String> ROLES =
            Set.of("system", "developer", "user", "assistant", "tool", "function", "ipython");
    /** Names of other layouts. */
    private static final Map<String, String> OTHER_ROLES = Map.of(
            "human", "user", "prompter", "user", "gpt", "assistant", "bot", "assistant", "model", "assistant", "chatgpt", "assistant",
            "observation", "tool", "function_response", "tool");
    private static final Pattern MEDIA = Pattern.compile("(input_)?(image|audio|video)");
    private static final String CALLS = "tool_calls";
    /** What an assistant's turn may have in place of a content. */
    private static final List<String> INSTEAD = List.of(CALLS, "function_call", "reasoning_content", "reasoning", "thinking");

    private final JsonNode json;
    private final String where;

    TurnParser(JsonNode json, String where) {
        this.json = json;
        this.where = where;
    }

    DataException error(String message) {
        return new DataException(where + ": " + message);
    }

    /** The column's list of turns, of one or more. */
    List<Message> messages(String field) {
        return messages(json.path(field), field);
    }

    List<Message> messages(JsonNode list, String field) {
        if (!list.isArray() || list.isEmpty()) {
            throw error(field + ": expected a list of messages, found " + Json.describe(list));
        }
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            if (!list.get(i).isObject()) {
                throw error(field + ": expected a list of messages, each with role and content, found a list with " + Json.describe(list.get(i))
                        + "; a file of columns must become one of rows");
            }
            messages.add(message(list.get(i), field + ", turn " + (i + 1)));
        }
        return messages;
    }

    private Message message(JsonNode turn, String place) {
        JsonNode role = turn.path("role");
        if (role.isMissingNode() && turn.has("from") && turn.has("value")) {
            throw error(place + ": has from and value; expected role and content: " + LayoutHint.SHAREGPT);
        }
        if (!role.isTextual() || !ROLES.contains(role.asText())) {
            String meant = role.isTextual() ? OTHER_ROLES.get(role.asText().toLowerCase(Locale.ROOT)) : null;
            throw error(place + ": role is " + Json.describe(role) + "; expected system, user or assistant"
                    + (meant == null ? "" : " (write " + meant + ")"));
        }
        JsonNode calls = turn.path(CALLS);
        if (turn.hasNonNull(CALLS) && !calls.isArray()) {
            throw error(place + ": tool_calls: expected a list of calls, found " + Json.describe(calls));
        }
        String content = checked(place, content(turn, role.asText(), place));
        Map<String, Object> fields = new LinkedHashMap<>();
        // Parquet gives every turn all columns, with null where it has none.
        turn.properties().forEach(entry -> {
            if (!entry.getValue().isNull() || entry.getKey().equals("content")) {
                if (!entry.getKey().equals("content") || !entry.getValue().isTextual()) {
                    checkTexts(place + ": " + entry.getKey(), entry.getValue());
                }
                fields.put(entry.getKey(), Json.plain(entry.getValue()));
            }
        });
        return new Message(role.asText(), content, fields);
    }

    private String content(JsonNode turn, String role, String place) {
        JsonNode content = turn.path("content");
        if (content.isTextual()) {
            return content.asText();
        }
        boolean mayLack = role.equals("assistant")
                && INSTEAD.stream().anyMatch(field -> turn.hasNonNull(field) && !turn.path(field).isEmpty() || turn.path(field).isTextual());
        if ((content.isNull() || content.isMissingNode()) && mayLack) {
            return "";
        }
        if (!content.isArray()) {
            throw error(place + ": content: expected a text, found " + Json.describe(content));
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            if (!part.path("type").isTextual()) {
                throw error(place + ": content: expected parts with a type, found " + Json.describe(part));
            }
            if (MEDIA.matcher(part.path("type").textValue()).lookingAt()) {
                throw error(place + ": content: a part of type " + part.path("type").textValue() + "; the models here read text alone");
            }
            text.append(part.path("text").asText(""));
        }
        return text.toString();
    }

    /** All texts within a value: a template may write any of them. */
    private void checkTexts(String place, JsonNode value) {
        if (value.isTextual()) {
            checked(place, value.textValue());
        } else if (value.isContainerNode()) {
            for (Iterator<String> names = value.fieldNames(); names.hasNext(); ) {
                checked(place, names.next());
            }
            value.forEach(inner -> checkTexts(place, inner));
        }
    }

    /** A text that is not empty. */
    String text(String field, String text) {
        if (text.isEmpty()) {
            throw error(field + " is empty");
        }
        return checked(field, text);
    }

    /** A text of whole characters. */
    String checked(String field, String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean paired = Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1));
            if (paired) {
                i++;
            } else if (Character.isSurrogate(c) || c == 0) {
                throw error(field + ": character " + (i + 1) + " is "
                        + (c == 0 ? "NUL" : String.format(Locale.ROOT, "the lone surrogate U+%04X", (int) c)));
            }
        }
        return text;
    }

    /** A column of a list that goes to the template as it is, or the JSON of one; null for none. */
    Object list(String field) {
        JsonNode node = unquoted(field);
        if (node == null || node.isEmpty() && node.isArray()) {
            return null;
        }
        if (!node.isArray()) {
            throw error(field + ": expected a list, found " + Json.describe(json.path(field)));
        }
        checkTexts(field, node);
        return Json.plain(node);
    }

    /** The column of a template's further variables, or the JSON of them. */
    Map<String, Object> variables(String field) {
        JsonNode node = unquoted(field);
        if (node == null) {
            return Map.of();
        }
        if (!node.isObject()) {
            throw error(field + ": expected an object, found " + Json.describe(json.path(field)));
        }
        checkTexts(field, node);
        Map<String, Object> variables = new TreeMap<>();
        node.properties().forEach(entry -> variables.put(entry.getKey(), Json.plain(entry.getValue())));
        String refusal = TemplateVariables.refusal(variables.keySet());
        if (refusal != null) {
            throw error(field + ": " + refusal);
        }
        return variables;
    }

    /** A column's value, read as JSON where it is a text; null where there is nothing. */
    private JsonNode unquoted(String field) {
        JsonNode node = json.path(field);
        if (node.isTextual() && !node.textValue().isBlank()) {
            try {
                node = Json.parse(node.textValue(), field);
            } catch (DataException e) {
                throw error(field + ": a text that is no JSON: " + Json.describe(node));
            }
        }
        return node.isMissingNode() || node.isNull() || node.isTextual() && node.textValue().isBlank() ? null : node;
    }
}
