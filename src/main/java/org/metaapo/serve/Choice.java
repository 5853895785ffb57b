package org.metaapo.serve;

import java.util.ArrayList;
import java.util.List;
import org.metaapo.engine.GeneratedToken;
import org.metaapo.text.AnswerText;
import org.metaapo.text.Tokenizer;
import org.metaapo.text.Utf8Stream;

/** One answer while it is written: its text, and what is told of its tokens. */
final class Choice {
    /**
     * A token with what is told of it.
     *
     * @param id it
     * @param text it as a text, with U+FFFD for bytes that are none by themselves
     * @param offset characters (code points) of the whole text in front of it
     * @param made what the engine said; null for the first token of a prompt, which nothing was expected of
     * @param hidden whether it adds nothing to the text, as a stop token does
     */
    record Told(int id, String text, int offset, GeneratedToken made, boolean hidden) {}

    private final int index;
    private final Ask ask;
    private final Tokenizer tokenizer;
    private final AnswerText text;
    private final List<Told> fresh = new ArrayList<>();
    private StringBuilder pending = new StringBuilder();
    private final Utf8Stream counting = new Utf8Stream();
    private int offset;
    private int tokens;
    private String finish;
    private boolean begun;

    Choice(int index, Ask ask, Tokenizer tokenizer) {
        this.index = index;
        this.ask = ask;
        this.tokenizer = tokenizer;
        this.text = new AnswerText(tokenizer, ask.stops());
    }

    int index() {
        return index;
    }

    /**
     * Puts the prompt in front: its text as it was given, whatever the tokenizer makes of blanks and letters; of ids what they spell.
     *
     * @param given the text, or null where ids were given
     * @param made the tokens' log-probs, or none
     */
    void echo(String given, int[] prompt, List<GeneratedToken> made) {
        Utf8Stream bytes = new Utf8Stream();
        StringBuilder spelled = new StringBuilder();
        for (int id : prompt) {
            spelled.append(bytes.add(tokenizer.bytes(id)));
        }
        spelled.append(bytes.end());
        String text = given == null ? spelled.toString() : given;
        pending.append(text);
        int end = text.codePointCount(0, text.length());
        // Tokens may spell a blank that is not there, or lack a special token's name: what they have in common is the end.
        offset = end - spelled.codePointCount(0, spelled.length());
        for (int i = 0; i < prompt.length && ask.logprobs(); i++) {
            fresh.add(told(prompt[i], i == 0 ? null : made.get(i - 1), tokenizer.isSpecial(prompt[i])));
        }
        offset = end;
    }

    /** Takes a token; those behind the end are left out. Returns whether the engine need not write any more of it. */
    boolean add(GeneratedToken token) {
        if (isOver()) {
            return false;
        }
        begun = true;
        if (ask.writes() == 0) {
            finish = "length";
            return false;
        }
        tokens++;
        boolean stops = token.finish() == GeneratedToken.Finish.STOPPED;
        if (ask.logprobs()) {
            fresh.add(told(token.id(), token, stops || tokenizer.isSpecial(token.id())));
        }
        if (!stops) {
            pending.append(text.add(token.id()));
        }
        if (text.isEnded()) {
            finish = "stop";
            return token.finish() == GeneratedToken.Finish.GOES_ON;
        }
        if (token.finish() != GeneratedToken.Finish.GOES_ON) {
            pending.append(text.end());
            finish = stops || text.isEnded() ? "stop" : "length";
        }
        return false;
    }

    private Told told(int id, GeneratedToken made, boolean hidden) {
        Told told = new Told(id, shown(id), Math.max(0, offset), made, hidden);
        if (!hidden) {
            String more = counting.add(tokenizer.bytes(id));
            offset += more.codePointCount(0, more.length());
        }
        return told;
    }

    /** A token's text by itself. */
    String shown(int id) {
        byte[] bytes = tokenizer.bytes(id);
        if (bytes.length == 0) {
            String spelled = tokenizer.spelled(id);
            return spelled == null ? "" : spelled;
        }
        Utf8Stream stream = new Utf8Stream();
        return stream.add(bytes) + stream.end();
    }

    /** The bytes of a token. */
    byte[] bytes(int id) {
        return tokenizer.bytes(id);
    }

    /** The text that has come since the last call. */
    String take() {
        String more = pending.toString();
        pending = new StringBuilder();
        return more;
    }

    /** The tokens that have come since the last call, where log-probs are asked for. */
    List<Told> takeTold() {
        List<Told> all = List.copyOf(fresh);
        fresh.clear();
        return all;
    }

    /** Whether there is something to be told. */
    boolean hasNews() {
        return pending.length() > 0 || !fresh.isEmpty() || isOver();
    }

    boolean isOver() {
        return finish != null;
    }

    /** Whether its first token has come. */
    boolean hasBegun() {
        return begun;
    }

    /** "stop" or "length"; null while it goes on. */
    String finish() {
        return finish;
    }

    /** Tokens written, a stop token among them. */
    int tokens() {
        return tokens;
    }
}
