package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.text.Message;

/**
 * Reads one JSON object as a {@link Row}. Schemas: {@code prompt, chosen, rejected} (the prompt may be implicit, as the common
 * start of two conversations), {@code prompt, completion}, {@code messages}, {@code prompt}; plain texts or conversations.
 */
final class RowParser {
    private static final Set<String> ROLES = Set.of("system", "user", "assistant", "tool", "developer");

    private final JsonNode json;
    private final String where;

    private RowParser(JsonNode json, String where) {
        this.json = json;
        this.where = where;
    }

    static Row parse(JsonNode json, int id, String where) {
        if (!json.isObject()) {
            throw new DataException(where + ": expected an object with prompt, chosen and rejected, found " + Json.describe(json));
        }
        return new RowParser(json, where).row(id);
    }

    private Row row(int id) {
        if (json.has("messages")) {
            return messagesRow(id);
        }
        boolean pair = json.has("chosen") || json.has("rejected");
        if (pair) {
            for (String name : List.of("chosen", "rejected")) {
                if (!json.has(name)) {
                    throw error("no " + name + "; a preference row has prompt, chosen and rejected" + columns());
                }
            }
            return pairRow(id);
        }
        if (!json.has("prompt")) {
            throw error("no prompt, messages or chosen; the nearest schema is prompt, chosen, rejected" + columns());
        }
        String completion = json.has("completion") ? answer("completion") : null;
        return new Row(id, where, prompt(json.path("prompt")), completion, null, null, null, null, null, responses());
    }

    private List<String> responses() {
        if (!json.has("responses")) {
            return null;
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode node : json.path("responses")) {
            if (!node.isTextual()) {
                throw error("responses: expected texts, found " + Json.describe(node));
            }
            texts.add(checkedText("responses", node.asText()));
        }
        if (texts.isEmpty()) {
            throw error("responses is empty; expected a list of texts");
        }
        return texts;
    }

    private String columns() {
        List<String> names = new ArrayList<>();
        json.fieldNames().forEachRemaining(names::add);
        return " (columns found: " + (names.isEmpty() ? "none" : String.join(", ", names)) + ")";
    }

    private DataException error(String message) {
        return new DataException(where + ": " + message);
    }

    private Row messagesRow(int id) {
        List<Message> all = messages("messages");
        Message last = all.get(all.size() - 1);
        if (!last.role().equals("assistant")) {
            return new Row(id, where, conversation(all, "messages"), null, null, null, null, null, null, null);
        }
        Prompt prompt = conversation(all.subList(0, all.size() - 1), "messages");
        return new Row(id, where, prompt, nonEmpty("messages", last.content()), null, null, null, null, null, null);
    }

    private Row pairRow(int id) {
        JsonNode chosen = json.path("chosen");
        Prompt prompt;
        if (chosen.isArray()) {
            List<Message> turns = messages("chosen");
            if (turns.size() > 1) {
                prompt = sharedPrompt(turns, messages("rejected"));
            } else {
                prompt = prompt(json.path("prompt"));
                prompt = prompt.isConversation() ? prompt : new Prompt(List.of(new Message("user", prompt.text())), null);
            }
        } else {
            prompt = prompt(json.path("prompt"));
        }
        boolean online = present("online_chosen") || present("online_rejected");
        return new Row(
                id,
                where,
                prompt,
                answer("chosen"),
                answer("rejected"),
                online ? answer("online_chosen") : null,
                online ? answer("online_rejected") : null,
                score("score_chosen"),
                score("score_rejected"),
                null);
    }

    private boolean present(String name) {
        return json.hasNonNull(name);
    }

    /** The turns before the last of two conversations, which must be the same. */
    private Prompt sharedPrompt(List<Message> chosen, List<Message> rejected) {
        List<Message> before = chosen.subList(0, chosen.size() - 1);
        if (!before.equals(rejected.subList(0, rejected.size() - 1))) {
            throw error("chosen and rejected have different turns before their last; both must answer one prompt");
        }
        return conversation(before, "chosen");
    }

    private Prompt prompt(JsonNode node) {
        if (node.isArray()) {
            return conversation(messages("prompt"), "prompt");
        }
        if (!node.isTextual()) {
            throw error("prompt: expected a text or a list of messages, found " + Json.describe(node));
        }
        return new Prompt(null, nonEmpty("prompt", node.asText()));
    }

    private Prompt conversation(List<Message> turns, String field) {
        String expected = "user";
        for (int i = 0; i < turns.size(); i++) {
            String role = turns.get(i).role();
            if (i == 0 && (role.equals("system") || role.equals("developer"))) {
                continue;
            }
            if (role.equals("tool")) {
                expected = "assistant";
                continue;
            }
            if (!role.equals(expected)) {
                throw error(field + ", turn " + (i + 1) + ": role " + role + "; expected " + expected);
            }
            expected = role.equals("user") ? "assistant" : "user";
        }
        if (turns.isEmpty() || turns.get(turns.size() - 1).role().equals("assistant")
                || turns.get(turns.size() - 1).role().equals("system")) {
            throw error(field + ": the prompt must end with a user's turn");
        }
        return new Prompt(List.copyOf(turns), null);
    }

    private List<Message> messages(String field) {
        JsonNode list = json.path(field);
        if (!list.isArray() || list.isEmpty()) {
            throw error(field + ": expected a list of messages, found " + Json.describe(list));
        }
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            String place = field + ", turn " + (i + 1);
            JsonNode role = list.get(i).path("role");
            JsonNode content = list.get(i).path("content");
            if (!role.isTextual() || !ROLES.contains(role.asText())) {
                throw error(place + ": role is " + Json.describe(role) + "; expected system, user or assistant");
            }
            if (!content.isTextual()) {
                throw error(place + ": content: expected a text, found " + Json.describe(content));
            }
            messages.add(new Message(role.asText(), checkedText(place, content.asText())));
        }
        return messages;
    }

    /** The answer of a field: a text, or the last turn of a list, which must be the assistant's. */
    private String answer(String field) {
        JsonNode node = json.path(field);
        if (node.isTextual()) {
            return nonEmpty(field, node.asText());
        }
        if (!node.isArray()) {
            throw error(field + ": expected a text or a list of messages, found " + Json.describe(node));
        }
        List<Message> turns = messages(field);
        Message last = turns.get(turns.size() - 1);
        if (!last.role().equals("assistant")) {
            throw error(field + ": the last turn is of role " + last.role() + "; expected assistant");
        }
        return nonEmpty(field, last.content());
    }

    private String nonEmpty(String field, String text) {
        if (text.isEmpty()) {
            throw error(field + " is empty");
        }
        return checkedText(field, text);
    }

    private String checkedText(String field, String text) {
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

    private Double score(String field) {
        JsonNode node = json.path(field);
        if (node.isMissingNode() || node.isNull()) {
            return null;
        }
        if (!node.isNumber() || !Double.isFinite(node.asDouble())) {
            throw error(field + ": expected a number, found " + Json.describe(node));
        }
        return node.asDouble();
    }
}
