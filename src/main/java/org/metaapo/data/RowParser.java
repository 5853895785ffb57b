package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.text.Answer;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/** Reads one JSON object as a {@link Row}, by its {@link Schema}. */
final class RowParser {
    private static final Set<String> ROLES =
            Set.of("system", "developer", "user", "assistant", "tool", "function", "ipython");

    private final JsonNode json;
    private final String where;
    private final int id;
    private final long seed;

    private RowParser(JsonNode json, int id, long seed, String where) {
        this.json = json;
        this.where = where;
        this.id = id;
        this.seed = seed;
    }

    /**
     * The row of an object.
     *
     * @param seed of the choice among several worse answers
     * @return null where scores name no better and worse answer
     */
    static Row parse(JsonNode json, Schema schema, int id, long seed, String where) {
        return new RowParser(json, id, seed, where).row(schema);
    }

    private Row row(Schema schema) {
        return switch (schema) {
            case PAIR -> pairRow();
            case MESSAGES -> messagesRow();
            case ULTRAFEEDBACK -> ultraFeedbackRow();
            case UNPAIRED -> Row.single(id, where, prompt("prompt"), answer("completion"), label());
            case COMPLETION -> Row.single(id, where, prompt("prompt"), answer("completion"), null);
            case SCORED -> scoredRow();
            case RESPONSES -> new Row(id, where, prompt("prompt"), null, null, null, null, null, null, null, texts("responses"));
            case PROMPT -> Row.single(id, where, prompt("prompt"), null, null);
        };
    }

    private DataException error(String message) {
        return new DataException(where + ": " + message);
    }

    private Boolean label() {
        JsonNode label = json.path("label");
        if (!label.isBoolean()) {
            throw error("label: expected true or false, found " + Json.describe(label));
        }
        return label.asBoolean();
    }

    private Row messagesRow() {
        List<Message> all = messages("messages");
        Message last = all.get(all.size() - 1);
        if (!last.role().equals("assistant")) {
            return Row.single(id, where, conversation(all, "messages"), null, null);
        }
        Prompt prompt = conversation(all.subList(0, all.size() - 1), "messages");
        return Row.single(id, where, prompt, answer(last, "messages"), null);
    }

    private Row pairRow() {
        for (String name : List.of("chosen", "rejected")) {
            if (!json.has(name)) {
                List<String> found = new ArrayList<>();
                json.fieldNames().forEachRemaining(found::add);
                throw error("no " + name + "; a preference row has " + Schema.PAIR.columns() + " (columns found: "
                        + String.join(", ", found) + ")");
            }
        }
        Prompt prompt;
        if (json.path("chosen").isArray()) {
            List<Message> turns = messages("chosen");
            prompt = turns.size() > 1 ? sharedPrompt(turns, messages("rejected")) : new Prompt(prompt("prompt").asConversation());
        } else {
            prompt = prompt("prompt");
        }
        boolean online = json.hasNonNull("online_chosen") || json.hasNonNull("online_rejected");
        return new Row(
                id, where, prompt, answer("chosen"), answer("rejected"), online ? answer("online_chosen") : null,
                online ? answer("online_rejected") : null, score("score_chosen"), score("score_rejected"), null, null);
    }

    private Row ultraFeedbackRow() {
        List<Answer> answers = new ArrayList<>();
        List<Double> scores = new ArrayList<>();
        for (int i = 0; i < json.path("completions").size(); i++) {
            JsonNode completion = json.path("completions").get(i);
            String place = "completions, entry " + (i + 1);
            JsonNode text = completion.path("response");
            JsonNode score = completion.hasNonNull("overall_score") ? completion.path("overall_score") : completion.path("fine-grained_score");
            if (!text.isTextual()) {
                throw error(place + ": response: expected a text, found " + Json.describe(text));
            }
            if (text.asText().isEmpty() || score.isMissingNode() || score.isNull()) {
                continue;
            }
            if (!score.isNumber() || !Double.isFinite(score.asDouble())) {
                throw error(place + ": overall_score: expected a number, found " + Json.describe(score));
            }
            answers.add(Answer.of(checkedText(place, text.asText())));
            scores.add(score.asDouble());
        }
        return bestAgainstLower(prompt("instruction"), answers, scores);
    }

    private Row scoredRow() {
        List<Answer> answers = texts("responses");
        List<Double> scores = new ArrayList<>();
        JsonNode list = json.path("scores");
        if (list.size() != answers.size()) {
            throw error("scores: " + list.size() + " numbers for " + answers.size() + " responses");
        }
        for (JsonNode score : list) {
            if (!score.isNumber() || !Double.isFinite(score.asDouble())) {
                throw error("scores: expected numbers, found " + Json.describe(score));
            }
            scores.add(score.asDouble());
        }
        return bestAgainstLower(prompt("prompt"), answers, scores);
    }

    /** The best answer against a random one of those with a lower score, as UltraFeedback was binarized. */
    private Row bestAgainstLower(Prompt prompt, List<Answer> answers, List<Double> scores) {
        int best = -1;
        for (int i = 0; i < answers.size(); i++) {
            best = best < 0 || scores.get(i) > scores.get(best) ? i : best;
        }
        List<Integer> lower = new ArrayList<>();
        for (int i = 0; i < answers.size(); i++) {
            if (scores.get(i) < scores.get(best) && !answers.get(i).equals(answers.get(best))) {
                lower.add(i);
            }
        }
        if (lower.isEmpty()) {
            return null;
        }
        int worse = lower.get(new SplittableRandom(seed * 0x9E3779B97F4A7C15L + id).nextInt(lower.size()));
        return new Row(
                id, where, prompt, answers.get(best), answers.get(worse), null, null, scores.get(best), scores.get(worse), null, null);
    }

    /** The turns before the last of two conversations, which must be the same. */
    private Prompt sharedPrompt(List<Message> chosen, List<Message> rejected) {
        List<Message> before = chosen.subList(0, chosen.size() - 1);
        if (!before.equals(rejected.subList(0, rejected.size() - 1))) {
            throw error("chosen and rejected have different turns before their last; both must answer one prompt");
        }
        return conversation(before, "chosen");
    }

    private Prompt prompt(String field) {
        JsonNode node = json.path(field);
        if (node.isArray()) {
            return conversation(messages(field), field);
        }
        if (!node.isTextual()) {
            throw error(field + ": expected a text or a list of messages, found " + Json.describe(node));
        }
        return new Prompt(nonEmpty(field, node.asText()));
    }

    private Prompt conversation(List<Message> turns, String field) {
        String before = "";
        for (int i = 0; i < turns.size(); i++) {
            String role = turns.get(i).role();
            if (i == 0 && (role.equals("system") || role.equals("developer"))) {
                continue;
            }
            boolean fits = switch (role) {
                case "user" -> !before.equals("user");
                case "assistant" -> !before.isEmpty() && !before.equals("assistant");
                case "system", "developer" -> false;
                // What a tool gave back, to the assistant that called it.
                default -> !before.isEmpty();
            };
            if (!fits) {
                String expected = before.equals("user") ? "assistant" : "user";
                throw error(field + ", turn " + (i + 1) + ": role " + role + "; expected " + expected);
            }
            before = role;
        }
        if (before.isEmpty() || before.equals("assistant")) {
            throw error(field + ": the prompt must end with a user's turn");
        }
        return new Prompt(new Conversation(turns, values("tools"), values("documents")));
    }

    /** A column that goes to the template as it is. */
    private Object values(String field) {
        JsonNode node = json.path(field);
        return node.isMissingNode() || node.isNull() || node.isEmpty() ? null : Json.plain(node);
    }

    private List<Message> messages(String field) {
        JsonNode list = json.path(field);
        if (!list.isArray() || list.isEmpty()) {
            throw error(field + ": expected a list of messages, found " + Json.describe(list));
        }
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            messages.add(message(list.get(i), field + ", turn " + (i + 1)));
        }
        return messages;
    }

    private Message message(JsonNode turn, String place) {
        JsonNode role = turn.path("role");
        if (!role.isTextual() || !ROLES.contains(role.asText())) {
            throw error(place + ": role is " + Json.describe(role) + "; expected system, user or assistant");
        }
        String content = checkedText(place, content(turn, place));
        Map<String, Object> fields = new LinkedHashMap<>();
        // Parquet gives every turn all columns, with null where it has none.
        turn.properties().forEach(entry -> {
            if (!entry.getValue().isNull() || entry.getKey().equals("content")) {
                fields.put(entry.getKey(), Json.plain(entry.getValue()));
            }
        });
        return new Message(role.asText(), content, fields);
    }

    private String content(JsonNode turn, String place) {
        JsonNode content = turn.path("content");
        if (content.isTextual()) {
            return content.asText();
        }
        if (content.isNull() && turn.hasNonNull("tool_calls")) {
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
            text.append(part.path("text").asText(""));
        }
        return text.toString();
    }

    /** The answer of a field: a text, or the last turn of a list, which must be the assistant's. */
    private Answer answer(String field) {
        JsonNode node = json.path(field);
        if (node.isTextual()) {
            return Answer.of(nonEmpty(field, node.asText()));
        }
        if (!node.isArray()) {
            throw error(field + ": expected a text or a list of messages, found " + Json.describe(node));
        }
        List<Message> turns = messages(field);
        Message last = turns.get(turns.size() - 1);
        if (!last.role().equals("assistant")) {
            throw error(field + ": the last turn is of role " + last.role() + "; expected assistant");
        }
        return answer(last, field);
    }

    private Answer answer(Message turn, String field) {
        if (turn.shown().isEmpty()) {
            throw error(field + " is empty");
        }
        return new Answer(List.of(turn));
    }

    private List<Answer> texts(String field) {
        JsonNode list = json.path(field);
        if (!list.isArray() || list.isEmpty()) {
            throw error(field + ": expected a list of texts, found " + Json.describe(list));
        }
        List<Answer> texts = new ArrayList<>();
        for (JsonNode node : list) {
            if (!node.isTextual()) {
                throw error(field + ": expected texts, found " + Json.describe(node));
            }
            texts.add(Answer.of(checkedText(field, node.asText())));
        }
        return texts;
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
