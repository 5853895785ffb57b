package org.metaapo.text;

import java.util.List;

/**
 * The text of an answer while its tokens come: without special tokens, and ended by the first stop string. What may be the beginning of a
 * stop string, or of a character, is held back until more has come.
 */
public final class AnswerText {
    private final Tokenizer tokenizer;
    private final List<String> stops;
    private final Utf8Stream bytes = new Utf8Stream();
    private final StringBuilder text = new StringBuilder();
    private int told;
    private boolean ended;

    /** @param stops texts that end the answer and are not part of it; none is empty */
    public AnswerText(Tokenizer tokenizer, List<String> stops) {
        this.tokenizer = tokenizer;
        this.stops = List.copyOf(stops);
    }

    /**
     * Appends a token; nothing once a stop string has come.
     *
     * @return the text that is certain now and was not before; may be empty
     */
    public String add(int id) {
        return ended ? "" : append(bytes.add(tokenizer.bytes(id)), false);
    }

    /** What was held back, for there is no token any more. */
    public String end() {
        return ended ? "" : append(bytes.end(), true);
    }

    private String append(String more, boolean last) {
        int from = text.length();
        text.append(more);
        int end = Integer.MAX_VALUE;
        for (String stop : stops) {
            int at = text.indexOf(stop, Math.max(told, from - stop.length() + 1));
            if (at >= 0) {
                end = Math.min(end, at);
            }
        }
        if (end < Integer.MAX_VALUE) {
            text.setLength(end);
            ended = true;
        }
        int certain = ended || last ? text.length() : text.length() - longestBeginning();
        String result = text.substring(told, Math.max(told, certain));
        told = Math.max(told, certain);
        return result;
    }

    /** How many characters at the end may be the beginning of a stop string. */
    private int longestBeginning() {
        int longest = 0;
        for (String stop : stops) {
            for (int n = Math.min(stop.length() - 1, text.length() - told); n > longest; n--) {
                if (stop.startsWith(text.substring(text.length() - n))) {
                    longest = n;
                }
            }
        }
        return longest;
    }

    /** Whether a stop string has come. */
    public boolean isEnded() {
        return ended;
    }

    /** All that has been told. */
    public String told() {
        return text.substring(0, told);
    }
}
