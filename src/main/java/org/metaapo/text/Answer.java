package org.metaapo.text;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What answers a prompt: the turns that follow the prompt's, with all their fields. A plain text is one turn of the assistant's with
 * nothing but its content. Answers with equal turns are equal.
 *
 * @param turns one or more, in order
 */
public record Answer(List<Message> turns) {
    private static final String ROLE = "assistant";

    /** Copies the turns. */
    public Answer {
        turns = List.copyOf(turns);
    }

    /** A plain text. */
    public static Answer of(String text) {
        return new Answer(List.of(new Message(ROLE, text)));
    }

    /** Whether it is no more than a text. */
    public boolean isText() {
        Message first = turns.get(0);
        return turns.size() == 1 && first.role().equals(ROLE) && first.isPlain();
    }

    /**
     * The text of an answer that is no more than that.
     *
     * @throws IllegalStateException if there is more to it
     */
    public String text() {
        if (!isText()) {
            throw new IllegalStateException("an answer of turns, taken for a text");
        }
        return turns.get(0).content();
    }

    /** For people and judges: the text; or all turns with their fields, the roles of several before them. */
    public String shown() {
        if (turns.size() == 1) {
            return turns.get(0).shown();
        }
        return turns.stream().map(turn -> "[" + turn.role() + "]\n" + turn.shown()).collect(Collectors.joining("\n\n"));
    }

    /** As JSON has it: a text, or a list of the turns' fields. */
    public Object plain() {
        return isText() ? text() : turns.stream().map(Message::fields).toList();
    }
}
