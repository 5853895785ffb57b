package org.metaapo.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a chat template is rendered with.
 *
 * @param turns in order
 * @param tools descriptions of tools, as lists, maps and scalars; null for none
 * @param documents documents, likewise; null for none
 * @param variables further variables of the template ({@code chat_template_kwargs}), in the order of their names; often none
 */
public record Conversation(List<Message> turns, Object tools, Object documents, Map<String, Object> variables) {
    /** Copies the turns. */
    public Conversation {
        turns = List.copyOf(turns);
    }

    /** Without further variables. */
    public Conversation(List<Message> turns, Object tools, Object documents) {
        this(turns, tools, documents, Map.of());
    }

    /** Turns alone. */
    public Conversation(List<Message> turns) {
        this(turns, null, null);
    }

    /** One user's turn. */
    public static Conversation ask(String text) {
        return new Conversation(List.of(new Message("user", text)));
    }

    /** The same with the turns of an answer at the end. */
    public Conversation answered(Answer answer) {
        List<Message> all = new ArrayList<>(turns);
        all.addAll(answer.turns());
        return new Conversation(all, tools, documents, variables);
    }

    /** The same turns, with other variables. */
    public Conversation with(Map<String, Object> others) {
        return new Conversation(turns, tools, documents, others);
    }

    /** The last turn. */
    public Message last() {
        return turns.get(turns.size() - 1);
    }
}
