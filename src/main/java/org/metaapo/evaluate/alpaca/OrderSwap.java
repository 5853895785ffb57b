package org.metaapo.evaluate.alpaca;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import org.apache.commons.math3.random.MersenneTwister;

/**
 * Which answer the judge of AlpacaEval sees first: a coin that depends on the instruction alone. It is the first draw of Python's generator
 * seeded with the text {@code is_switched_outputs}, the instruction and {@code 0}.
 */
public final class OrderSwap {
    private static final int WORD_BYTES = 4;

    private OrderSwap() {}

    /** Whether the model's answer is shown before the baseline's. */
    public static boolean isSwapped(String instruction) {
        return firstWord(instruction) < 0;
    }

    /** The first 32 bits that the generator gives. */
    static int firstWord(String instruction) {
        byte[] seed = ("is_switched_outputs" + instruction + "0").getBytes(StandardCharsets.UTF_8);
        byte[] whole = Arrays.copyOf(seed, seed.length + 64);
        System.arraycopy(sha512().digest(seed), 0, whole, seed.length, 64);
        return new MersenneTwister(words(whole)).nextInt();
    }

    /** A number of big-endian bytes as words of 32 bits, the least significant first; its first byte is not 0. */
    private static int[] words(byte[] number) {
        int[] words = new int[(number.length + WORD_BYTES - 1) / WORD_BYTES];
        for (int i = 0; i < number.length; i++) {
            words[i / WORD_BYTES] |= (number[number.length - 1 - i] & 0xff) << 8 * (i % WORD_BYTES);
        }
        return words;
    }

    private static MessageDigest sha512() {
        try {
            return MessageDigest.getInstance("SHA-512");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every Java platform has SHA-512", impossible);
        }
    }
}
