package org.metaapo.text;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.metaapo.error.DataException;
import org.metaapo.text.template.Template;

/**
 * Finds what makes a template whose prompt is no beginning of the whole text one whose prompt is: tries the variables and fields that
 * public templates of thinking models read, as far as the template mentions them.
 */
final class PrefixRepair {
    private static final List<String> VARIABLES = List.of("enable_thinking", "thinking", "enable_reasoning", "reasoning", "think");
    /** A template finds reasoning under these names, whichever the row has. */
    private static final List<String> FIELDS = List.of("reasoning_content", "thinking", "reasoning");
    private static final String THOUGHT = "Yes.";

    private final BiFunction<Conversation, Boolean, String> render;
    private final Template template;

    /** {@code render} gives the text of a conversation, with a generation prompt or without. */
    PrefixRepair(BiFunction<Conversation, Boolean, String> render, Template template) {
        this.render = render;
        this.template = template;
    }

    /** Ways out for a row like this one, each of which was tried or always goes. */
    List<String> ways(Conversation prompt, Answer answer) {
        List<String> ways = new ArrayList<>();
        for (String name : VARIABLES) {
            for (boolean value : new boolean[] {false, true}) {
                if (template.mentions(name) && keeps(prompt.with(TemplateVariables.merged(prompt.variables(), Map.of(name, value))), answer)) {
                    ways.add("data.chat_template_kwargs: {" + name + ": " + value + "}");
                }
            }
        }
        FIELDS.stream().filter(template::mentions).findFirst().filter(field -> keeps(prompt, thinking(answer, field)))
                .ifPresent(field -> ways.add("answers with their " + field));
        if (template.mentions("</think>") && keeps(prompt, thinking(answer, null))) {
            ways.add("answers that begin with <think>…</think>");
        }
        ways.add("data.boundary: common, by which the answer begins where the two part");
        ways.add("a recipe that trains on the policy's own answers alone, such as online-dpo");
        return ways;
    }

    private boolean keeps(Conversation prompt, Answer answer) {
        try {
            return render.apply(prompt.answered(answer), false).startsWith(render.apply(prompt, true));
        } catch (DataException e) {
            return false;
        }
    }

    /** The answer with a thought in a field of its last turn, or in its text. */
    private static Answer thinking(Answer answer, String field) {
        List<Message> turns = new ArrayList<>(answer.turns());
        Message last = turns.remove(turns.size() - 1);
        Map<String, Object> fields = new LinkedHashMap<>(last.fields());
        if (field == null) {
            fields.put("content", "<think>\n" + THOUGHT + "\n</think>\n\n" + last.content());
        } else {
            fields.put(field, THOUGHT);
        }
        turns.add(new Message(last.role(), last.content(), fields));
        return new Answer(turns);
    }
}
