package org.metaapo.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

/**
 * The bytes that each token stands for within a text, so that an answer's text can be told while its tokens come. Of byte-level tokenizers
 * they are what the vocabulary's letters stand for, of those with byte tokens the byte, else what the decoder writes for the token behind
 * another one.
 */
final class TokenBytes {
    private static final byte[] NONE = {};
    /** The byte of each letter of a byte-level vocabulary, -1 for others (GPT-2's bytes_to_unicode). */
    private static final int[] BYTES = new int[512];

    static {
        Arrays.fill(BYTES, -1);
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean itself = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            BYTES[itself ? b : next++] = b;
        }
    }

    private final Tokenizer tokenizer;
    private final String[] spelled;
    private final boolean byteLevel;
    private final boolean byteFallback;
    private final int[] before;
    private final byte[][] known;

    TokenBytes(Tokenizer tokenizer, Map<String, Integer> vocabulary, JsonNode decoder) {
        this.tokenizer = tokenizer;
        spelled = new String[tokenizer.vocabularySize()];
        vocabulary.forEach((token, id) -> {
            if (id >= 0) {
                spelled[id] = token;
            }
        });
        byteLevel = decoder.findValuesAsText("type").contains("ByteLevel");
        byteFallback = decoder.findValuesAsText("type").contains("ByteFallback");
        before = byteLevel ? new int[0] : tokenizer.encode("a");
        known = new byte[spelled.length][];
    }

    /** Of a special token, and of an id that the tokenizer has not, none. The array is not to be written to. */
    byte[] of(int id) {
        if (id < 0 || id >= known.length || spelled[id] == null || tokenizer.isSpecial(id)) {
            return NONE;
        }
        byte[] bytes = known[id];
        if (bytes == null) {
            bytes = find(id);
            known[id] = bytes;
        }
        return bytes;
    }

    /** As the vocabulary spells it; null for an id that the tokenizer has not. */
    String spelled(int id) {
        return id < 0 || id >= spelled.length ? null : spelled[id];
    }

    private byte[] find(int id) {
        String token = spelled[id];
        if (byteLevel) {
            byte[] bytes = new byte[token.length()];
            for (int i = 0; i < bytes.length; i++) {
                int b = token.charAt(i) < BYTES.length ? BYTES[token.charAt(i)] : -1;
                if (b < 0) {
                    return token.getBytes(StandardCharsets.UTF_8);
                }
                bytes[i] = (byte) b;
            }
            return bytes;
        }
        if (byteFallback && token.matches("<0x[0-9A-F]{2}>")) {
            return new byte[] {(byte) Integer.parseInt(token.substring(3, 5), 16)};
        }
        return tokenizer.decodeAfter(before, new int[] {id}, true).getBytes(StandardCharsets.UTF_8);
    }
}
