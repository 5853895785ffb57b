package org.metaapo.data;

import java.util.List;
import org.metaapo.text.Message;

/**
 * What is to be answered: a conversation or a plain text.
 *
 * @param messages the turns, or null for a plain text
 * @param text the plain text, or null for a conversation
 */
public record Prompt(List<Message> messages, String text) {
    /** Whether it is a conversation. */
    public boolean isConversation() {
        return messages != null;
    }

    /** A text for people: the last turn, or the plain text. */
    public String shown() {
        return isConversation() ? messages.get(messages.size() - 1).content() : text;
    }
}
