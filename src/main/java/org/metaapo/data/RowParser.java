package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.text.Answer;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;
import org.metaapo.text.TemplateVariables;

/** Reads one JSON object as a {@link Row}, by its {@link Schema}. */
final class RowParser {
    private static final String VARIABLES = "chat_template_kwargs";

    private final JsonNode json;
    private final TurnParser turns;
    private final String where;
    private final int id;
    private final DataFiles.Options options;

    /** A prompt and the answers of the columns that were asked for, in their order. */
    private record Parts(Prompt prompt, List<Answer> answers) {}

    private RowParser(JsonNode json, int id, DataFiles.Options options, String where) {
        this.json = json;
        this.turns = new TurnParser(json, where);
        this.where = where;
        this.id = id;
        this.options = options;
    }

    /**
     * The row of an object.
     *
     * @param options the seed of the choice among several worse answers, and variables for the template that the row may override
     * @return null where scores name no better and worse answer
     */
    static Row parse(JsonNode json, Schema schema, int id, DataFiles.Options options, String where) {
        Row row = new RowParser(json, id, options, where).row(schema);
        List<String> unread = row == null ? List.of() : schema.unread(json);
        UnreadContent.check(json, unread, where);
        return unread.isEmpty() ? row : row.withUnread(unread);
    }

    private Row row(Schema schema) {
        return switch (schema) {
            case PAIR -> pairRow();
            case MESSAGES -> messagesRow();
            case ULTRAFEEDBACK -> ultraFeedbackRow();
            case UNPAIRED -> completionRow(label());
            case COMPLETION -> completionRow(null);
            case SCORED -> scoredRow();
            case RESPONSES -> {
                Parts parts = responses();
                yield new Row(id, where, parts.prompt(), null, null, null, null, null, null, null, parts.answers());
            }
            case PROMPT -> Row.single(id, where, parts("prompt", List.of(), List.of()).prompt(), null, null);
        };
    }

    private Boolean label() {
        JsonNode label = json.path("label");
        if (!label.isBoolean()) {
            throw turns.error("label: expected true or false, found " + Json.describe(label));
        }
        return label.asBoolean();
    }

    private Row completionRow(Boolean label) {
        Parts parts = parts("prompt", List.of("completion"), List.of(json.path("completion")));
        return Row.single(id, where, parts.prompt(), parts.answers().get(0), label);
    }

    private Row messagesRow() {
        List<Message> all = turns.messages("messages");
        int last = all.size() - 1;
        boolean answered = all.get(last).role().equals("assistant");
        List<Message> before = answered ? all.subList(0, last) : all;
        List<Dialogue.Side> sides = answered ? List.of(new Dialogue.Side("messages", all, false)) : List.of();
        Dialogue.Parts parts = Dialogue.parts(turns, "messages", before, false, sides);
        return Row.single(id, where, conversation(parts.prompt()), answered ? parts.answers().get(0) : null, null);
    }

    private Row pairRow() {
        for (String name : List.of("chosen", "rejected")) {
            if (!json.has(name)) {
                List<String> found = new ArrayList<>();
                json.fieldNames().forEachRemaining(found::add);
                LayoutHint hint = LayoutHint.of(json);
                throw turns.error("no " + name + "; a preference row has " + Schema.PAIR.columns() + " (columns found: "
                        + String.join(", ", found) + ")" + (hint == null || hint.nearest() != Schema.PAIR ? "" : "; " + hint.todo()));
            }
        }
        if (!json.hasNonNull("prompt") && json.path("chosen").isTextual()) {
            throw withoutPrompt();
        }
        boolean online = json.hasNonNull("online_chosen") || json.hasNonNull("online_rejected");
        List<String> names = online ? List.of("chosen", "rejected", "online_chosen", "online_rejected") : List.of("chosen", "rejected");
        Parts parts = parts("prompt", names, names.stream().map(json::path).toList());
        List<Answer> answers = parts.answers();
        return new Row(
                id, where, parts.prompt(), answers.get(0), answers.get(1), online ? answers.get(2) : null, online ? answers.get(3) : null,
                score("score_chosen"), score("score_rejected"), null, null);
    }

    private DataException withoutPrompt() {
        List<String> found = new ArrayList<>();
        json.fieldNames().forEachRemaining(found::add);
        boolean dialogue = json.path("chosen").textValue().contains("\n\nHuman:");
        return turns.error("no prompt, and chosen is a text (columns found: " + String.join(", ", found) + "); "
                + (dialogue
                        ? "write the text's \"\\n\\nHuman:\" and \"\\n\\nAssistant:\" as turns of role user and assistant, "
                                + "or part it after the last \"\\n\\nAssistant:\" into prompt and answer"
                        : LayoutHint.of(json).shown()));
    }

    private Row ultraFeedbackRow() {
        List<String> names = new ArrayList<>();
        List<JsonNode> texts = new ArrayList<>();
        List<Double> scores = new ArrayList<>();
        for (int i = 0; i < json.path("completions").size(); i++) {
            JsonNode completion = json.path("completions").get(i);
            String place = "completions, entry " + (i + 1);
            JsonNode text = completion.path("response");
            JsonNode score = completion.hasNonNull("overall_score") ? completion.path("overall_score") : completion.path("fine-grained_score");
            if (!text.isTextual()) {
                throw turns.error(place + ": response: expected a text, found " + Json.describe(text));
            }
            if (text.asText().isEmpty() || score.isMissingNode() || score.isNull()) {
                continue;
            }
            if (!score.isNumber() || !Double.isFinite(score.asDouble())) {
                throw turns.error(place + ": overall_score: expected a number, found " + Json.describe(score));
            }
            names.add(place);
            texts.add(text);
            scores.add(score.asDouble());
        }
        return bestAgainstLower(parts("instruction", names, texts), scores);
    }

    private Row scoredRow() {
        Parts parts = responses();
        List<Double> scores = new ArrayList<>();
        JsonNode list = json.path("scores");
        if (list.size() != parts.answers().size()) {
            throw turns.error("scores: " + list.size() + " numbers for " + parts.answers().size() + " responses");
        }
        List<Answer> scored = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            JsonNode score = list.get(i);
            if (score.isNull()) {
                // metaapo reward gives none to an answer that the reward model cannot read.
                continue;
            }
            if (!score.isNumber() || !Double.isFinite(score.asDouble())) {
                throw turns.error("scores: expected numbers, found " + Json.describe(score));
            }
            scores.add(score.asDouble());
            scored.add(parts.answers().get(i));
        }
        return bestAgainstLower(new Parts(parts.prompt(), scored), scores);
    }

    /** The best answer against a random one of those with a lower score, as UltraFeedback was binarized. */
    private Row bestAgainstLower(Parts parts, List<Double> scores) {
        List<Answer> answers = parts.answers();
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
        int worse = lower.get(new SplittableRandom(options.seed() * 0x9E3779B97F4A7C15L + id).nextInt(lower.size()));
        return new Row(
                id, where, parts.prompt(), answers.get(best), answers.get(worse), null, null, scores.get(best), scores.get(worse), null, null);
    }

    private Parts responses() {
        JsonNode list = json.path("responses");
        if (!list.isArray() || list.isEmpty()) {
            throw turns.error("responses: expected a list of texts, found " + Json.describe(list));
        }
        List<String> names = new ArrayList<>();
        List<JsonNode> answers = new ArrayList<>();
        for (JsonNode answer : list) {
            names.add("responses, entry " + (names.size() + 1));
            answers.add(answer);
        }
        return parts("prompt", names, answers);
    }

    /**
     * The prompt of a column and answers to it. One that is a list of turns makes a conversation of the whole row.
     *
     * @param names of the answers, for messages; those of a list of responses may be empty
     */
    private Parts parts(String promptField, List<String> names, List<JsonNode> answers) {
        JsonNode prompt = json.path(promptField);
        for (int i = 0; i < answers.size(); i++) {
            if (!answers.get(i).isTextual() && !answers.get(i).isArray()) {
                throw turns.error(names.get(i) + ": expected a text or a list of messages, found " + Json.describe(answers.get(i)) + advice(answers.get(i)));
            }
        }
        if (prompt.isTextual() && answers.stream().allMatch(JsonNode::isTextual)) {
            return plain(turns.text(promptField, prompt.textValue()), names, answers);
        }
        List<Dialogue.Side> sides = new ArrayList<>();
        for (int i = 0; i < answers.size(); i++) {
            JsonNode answer = answers.get(i);
            sides.add(new Dialogue.Side(
                    names.get(i),
                    answer.isTextual() ? text(names.get(i), answer).turns() : turns.messages(answer, names.get(i)),
                    names.get(i).startsWith("responses")));
        }
        boolean needed = sides.isEmpty() || sides.stream().anyMatch(side -> !side.bringsHistory());
        if (!prompt.isArray() && !prompt.isTextual() && (needed || !prompt.isMissingNode() && !prompt.isNull())) {
            throw turns.error(promptField + ": expected a text or a list of messages, found " + Json.describe(prompt) + advice(prompt));
        }
        List<Message> given = prompt.isArray()
                ? turns.messages(promptField)
                : prompt.isTextual() ? Conversation.ask(turns.text(promptField, prompt.textValue())).turns() : List.of();
        Dialogue.Parts parts = Dialogue.parts(turns, promptField, given, prompt.isTextual(), sides);
        return new Parts(conversation(parts.prompt()), parts.answers());
    }

    /** What to do with a column that is neither text nor turns, by the row's columns: half a sentence, or nothing. */
    private String advice(JsonNode value) {
        if (!value.isObject() && !value.isMissingNode()) {
            return "";
        }
        List<String> found = new ArrayList<>();
        json.fieldNames().forEachRemaining(found::add);
        LayoutHint hint = LayoutHint.of(json);
        String todo = hint == null || hint.todo().isEmpty() ? "" : "; " + hint.shown();
        String turn = !value.isObject() || todo.contains(LayoutHint.ONE_TURN)
                ? ""
                : value.has("role") ? "; " + LayoutHint.ONE_TURN : value.has("from") ? "; " + LayoutHint.ONE_TURN + "; " + LayoutHint.SHAREGPT : "";
        return " (columns found: " + String.join(", ", found) + ")" + todo + turn;
    }

    private Answer text(String name, JsonNode text) {
        boolean mayBeEmpty = name.startsWith("responses");
        return Answer.of(mayBeEmpty ? turns.checked(name, text.textValue()) : turns.text(name, text.textValue()));
    }

    private Parts plain(String prompt, List<String> names, List<JsonNode> answers) {
        for (String field : List.of("tools", "documents", VARIABLES)) {
            if (field.equals(VARIABLES) ? !turns.variables(field).isEmpty() : turns.list(field) != null) {
                throw turns.error(field + ": no template shows them, for the prompt is a plain text; "
                        + "write the prompt as a list of messages, or leave the column out");
            }
        }
        List<Answer> texts = new ArrayList<>();
        for (int i = 0; i < answers.size(); i++) {
            texts.add(text(names.get(i), answers.get(i)));
        }
        return new Parts(new Prompt(prompt, options.variables()), texts);
    }

    private Prompt conversation(List<Message> prompt) {
        Map<String, Object> variables = TemplateVariables.merged(options.variables(), turns.variables(VARIABLES));
        return new Prompt(new Conversation(prompt, turns.list("tools"), turns.list("documents"), variables));
    }

    private Double score(String field) {
        JsonNode node = json.path(field);
        if (node.isMissingNode() || node.isNull()) {
            return null;
        }
        if (!node.isNumber() || !Double.isFinite(node.asDouble())) {
            throw turns.error(field + ": expected a number, found " + Json.describe(node));
        }
        return node.asDouble();
    }
}
