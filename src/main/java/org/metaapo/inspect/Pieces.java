package org.metaapo.inspect;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.text.Tokenizer;

/** Splits token ids into {@link Piece pieces}, whose texts joined are the decoded text of the ids. */
final class Pieces {
    private static final char REPLACEMENT = '\uFFFD';
    /** A character has at most four bytes, so that no more tokens can be needed for one. */
    private static final int MOST_TOKENS = 4;
    /** Tokens before a piece that are decoded with it: a decoder may treat the first token of a text in its own way. */
    private static final int CONTEXT = 4;

    private final Tokenizer tokenizer;

    Pieces(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    List<Piece> of(int[] ids) {
        return of(ids, null);
    }

    /** Pieces of an answer; {@code trained} tells which of its tokens are trained on, null for all. */
    List<Piece> of(int[] ids, boolean[] trained) {
        List<Piece> pieces = new ArrayList<>();
        int start = 0;
        for (int end = 1; end <= ids.length; end++) {
            String text = added(ids, start, end);
            boolean open = text.isEmpty() || text.charAt(text.length() - 1) == REPLACEMENT;
            if (open && end - start < MOST_TOKENS && end < ids.length) {
                continue;
            }
            boolean special = end - start == 1 && tokenizer.isSpecial(ids[start]);
            boolean masked = trained != null && !trained[start] && !trained[end - 1];
            pieces.add(new Piece(text, Arrays.copyOfRange(ids, start, end), special, masked));
            start = end;
        }
        return pieces;
    }

    /** What ids start to end add to the text of those before them. */
    private String added(int[] ids, int start, int end) {
        int from = Math.max(0, start - CONTEXT);
        String before = tokenizer.decode(Arrays.copyOfRange(ids, from, start), false);
        String with = tokenizer.decode(Arrays.copyOfRange(ids, from, end), false);
        return with.startsWith(before)
                ? with.substring(before.length())
                : tokenizer.decode(Arrays.copyOfRange(ids, start, end), false);
    }
}
