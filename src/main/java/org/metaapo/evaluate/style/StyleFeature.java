package org.metaapo.evaluate.style;

import java.util.List;
import java.util.Locale;

/** What a style-controlled score takes out; the order is that of {@link AnswerStyle#values}. */
public enum StyleFeature {
    TOKEN_LEN,
    HEADER,
    LIST,
    BOLD;

    /** The length alone. */
    public static final List<StyleFeature> LENGTH = List.of(TOKEN_LEN);
    /** Markdown alone. */
    public static final List<StyleFeature> MARKDOWN = List.of(HEADER, LIST, BOLD);
    /** Both. */
    public static final List<StyleFeature> ALL = List.of(values());

    /** Its name in files. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
