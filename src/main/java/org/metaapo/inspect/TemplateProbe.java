package org.metaapo.inspect;

import org.metaapo.error.DataException;
import org.metaapo.text.Answer;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Conversation;

/**
 * What a chat template does around an answer, found by rendering a conversation with a marked one.
 *
 * @param generationPrompt false where the template writes a header before an answer that the prompt to be answered lacks
 * @param inserted what it writes between the prompt and the answer, white space aside; empty for nothing
 */
record TemplateProbe(boolean generationPrompt, String inserted) {
    private static final String MARK = "metaapo";

    /** Probes with a conversation of the data; null where the template cannot render it. */
    static TemplateProbe of(ChatFormat format, Conversation conversation) {
        String open;
        String prompt;
        String whole;
        try {
            open = format.render(conversation, true);
            prompt = format.render(conversation, false);
            whole = format.render(conversation.answered(Answer.of(MARK)), false);
        } catch (DataException e) {
            return null;
        }
        int at = whole.lastIndexOf(MARK);
        if (!whole.startsWith(open) || at < open.length()) {
            return null;
        }
        String inserted = whole.substring(open.length(), at).strip();
        boolean missing = open.equals(prompt) && !inserted.isEmpty();
        return new TemplateProbe(!missing, inserted);
    }
}
