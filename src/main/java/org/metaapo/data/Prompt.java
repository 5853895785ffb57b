package org.metaapo.data;

import org.metaapo.text.Conversation;

/**
 * What is to be answered: a conversation or a plain text.
 *
 * @param conversation the turns, or null for a plain text
 * @param text the plain text, or null for a conversation
 */
public record Prompt(Conversation conversation, String text) {
    /** A conversation. */
    public Prompt(Conversation conversation) {
        this(conversation, null);
    }

    /** A plain text. */
    public Prompt(String text) {
        this(null, text);
    }

    /** Whether it is a conversation. */
    public boolean isConversation() {
        return conversation != null;
    }

    /** As a conversation; a plain text becomes a user's turn. */
    public Conversation asConversation() {
        return isConversation() ? conversation : Conversation.ask(text);
    }

    /** A text for people: the last turn, or the plain text. */
    public String shown() {
        return isConversation() ? conversation.last().content() : text;
    }
}
