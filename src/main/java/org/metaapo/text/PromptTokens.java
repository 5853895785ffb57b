package org.metaapo.text;

import java.util.Arrays;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/**
 * A tokenized prompt that answers are appended to. A special token parts a text into pieces that are tokenized on their own, so
 * that the ids before the prompt's last one do not depend on what follows: only the rest is tokenized again.
 */
final class PromptTokens {
    /** Texts to stand before the rest, for tokenizers that treat the start of a text in their own way. */
    private static final List<String> BEFORE = List.of("\n", ".", "a", "0", "|");

    private final Tokenizer tokenizer;
    private final int chars;
    private final int[] ids;
    private final int fixedIds;
    private final int fixedChars;

    private PromptTokens(Tokenizer tokenizer, int chars, int[] ids, int fixedIds, int fixedChars) {
        this.tokenizer = tokenizer;
        this.chars = chars;
        this.ids = ids;
        this.fixedIds = fixedIds;
        this.fixedChars = fixedChars;
    }

    static PromptTokens of(Tokenizer tokenizer, String text) {
        int[] ids = tokenizer.encode(text);
        int last = ids.length - 1;
        while (last >= 0 && tokenizer.separator(ids[last]) == null) {
            last--;
        }
        int at = last < 0 ? -1 : text.lastIndexOf(tokenizer.separator(ids[last]));
        // The same words may stand in the text without being that token: then the whole is tokenized each time.
        boolean parts = at > 0 && Arrays.equals(tokenizer.encodeRepeated(text.substring(at)), Arrays.copyOfRange(ids, last, ids.length));
        return new PromptTokens(tokenizer, text.length(), ids, parts ? last : 0, parts ? at : 0);
    }

    /** Ids of the prompt alone. */
    int[] ids() {
        return ids;
    }

    /** Ids of a text that starts with the prompt's. */
    int[] continued(String text) {
        int[] rest = tokenizer.encode(text.substring(fixedChars));
        if (fixedIds == 0) {
            return rest;
        }
        int[] all = Arrays.copyOf(ids, fixedIds + rest.length);
        System.arraycopy(rest, 0, all, fixedIds, rest.length);
        return all;
    }

    /**
     * Ids of what follows the prompt in a text that starts with it, tokenized by itself: with the prompt's ids before them they
     * stand for the whole text, as those that generation writes.
     *
     * @throws DataException if there are no such ids
     */
    int[] rest(String text) {
        String rest = text.substring(chars);
        String whole = tokenizer.decode(continued(text), false);
        int[] alone = tokenizer.encode(rest);
        if (continuesTo(whole, alone)) {
            return alone;
        }
        for (String before : BEFORE) {
            int[] first = tokenizer.encode(before);
            int[] both = tokenizer.encode(before + rest);
            int[] second = Arrays.copyOfRange(both, Math.min(first.length, both.length), both.length);
            if (Arrays.mismatch(first, both) == first.length && continuesTo(whole, second)) {
                return second;
            }
        }
        throw new DataException("no tokens after the prompt's stand for the answer that begins "
                + Json.write(rest.substring(0, Math.min(rest.length(), 20))) + "; a prompt must not end within a token of the answer");
    }

    private boolean continuesTo(String whole, int[] rest) {
        int[] all = Arrays.copyOf(ids, ids.length + rest.length);
        System.arraycopy(rest, 0, all, ids.length, rest.length);
        return tokenizer.decode(all, false).equals(whole);
    }
}
