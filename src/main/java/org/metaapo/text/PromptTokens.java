package org.metaapo.text;

import java.util.Arrays;

/**
 * A tokenized prompt that answers are appended to. A special token parts a text into pieces that are tokenized on their own, so
 * that the ids before the prompt's last one do not depend on what follows: only the rest is tokenized again.
 */
final class PromptTokens {
    private final Tokenizer tokenizer;
    private final int[] ids;
    private final int fixedIds;
    private final int fixedChars;

    private PromptTokens(Tokenizer tokenizer, int[] ids, int fixedIds, int fixedChars) {
        this.tokenizer = tokenizer;
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
        return new PromptTokens(tokenizer, ids, parts ? last : 0, parts ? at : 0);
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
}
