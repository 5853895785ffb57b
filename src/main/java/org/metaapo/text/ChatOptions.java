package org.metaapo.text;

import java.util.Locale;
import org.metaapo.config.RunConfig;

/**
 * How conversations become tokens.
 *
 * @param keepTemplateTail keep what a template writes after the last stop token
 * @param template the name of the template to use; null for the default
 * @param markedOnly only what the template's {@code {% generation %}} blocks mark is the answer: it begins with the first marked
 *     token of the conversation, and {@link EncodedAnswer#trained} tells which of its tokens are marked
 * @param boundary where the answer begins when its first token would merge with the prompt's end
 */
public record ChatOptions(boolean keepTemplateTail, String template, boolean markedOnly, Boundary boundary) {
    /** The default template; the answer is all that follows the prompt. */
    public static final ChatOptions DEFAULT = new ChatOptions(false, null, false);

    /** The prompt's tokens stay. */
    public ChatOptions(boolean keepTemplateTail, String template, boolean markedOnly) {
        this(keepTemplateTail, template, markedOnly, Boundary.PROMPT);
    }

    /** What a configuration's group {@code data} says. */
    public static ChatOptions of(RunConfig config) {
        String template = config.text("data.chat_template");
        return new ChatOptions(
                config.flag("data.keep_template_tail"), template.equals("auto") ? null : template,
                config.text("data.loss").equals("generation"),
                Boundary.valueOf(config.text("data.boundary").toUpperCase(Locale.ROOT)));
    }

    /** The same with the template's tail kept or not. */
    public ChatOptions withTail(boolean keep) {
        return new ChatOptions(keep, template, markedOnly, boundary);
    }

    /** Where an answer begins. */
    public enum Boundary {
        /** After the prompt's own tokens, as generation sees them; what follows is tokenized by itself where it would merge with them. */
        PROMPT,
        /**
         * Where the tokens of the prompt and those of prompt and answer part, as in TRL 1.16: what the prompt alone has after that is left
         * out, and of several answers the earliest such place counts.
         */
        COMMON
    }
}
