package org.metaapo.text;

/**
 * How conversations become tokens.
 *
 * @param keepTemplateTail keep what a template writes after the last stop token
 * @param template the name of the template to use; null for the default
 * @param markedOnly only what the template's {@code {% generation %}} blocks mark is the answer: it begins with the first marked
 *     token of the conversation, and {@link EncodedAnswer#trained} tells which of its tokens are marked
 */
public record ChatOptions(boolean keepTemplateTail, String template, boolean markedOnly) {
    /** The default template; the answer is all that follows the prompt. */
    public static final ChatOptions DEFAULT = new ChatOptions(false, null, false);
}
