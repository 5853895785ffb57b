package org.metaapo.data;

import java.util.Map;
import org.metaapo.text.Conversation;

/**
 * What is to be answered: a conversation or a plain text.
 *
 * @param conversation the turns; of a plain text one user's turn, as a reward model or a judge reads it
 * @param isPlain whether the policy reads the text as it is, without a template
 */
public record Prompt(Conversation conversation, boolean isPlain) {
    /** A conversation. */
    public Prompt(Conversation conversation) {
        this(conversation, false);
    }

    /** A plain text. */
    public Prompt(String text) {
        this(text, Map.of());
    }

    /** A plain text, with variables for the template of a reward model. */
    public Prompt(String text, Map<String, Object> variables) {
        this(Conversation.ask(text).with(variables), true);
    }

    /** Whether it is a conversation. */
    public boolean isConversation() {
        return !isPlain;
    }

    /**
     * The plain text.
     *
     * @throws IllegalStateException if it is a conversation
     */
    public String text() {
        if (!isPlain) {
            throw new IllegalStateException("a conversation, taken for a plain text");
        }
        return conversation.last().content();
    }

    /** A text for people: the last turn, or the plain text. */
    public String shown() {
        return conversation.last().shown();
    }
}
