package org.metaapo.text;

/**
 * Bytes to text as they come: a character that is not whole yet is held back, and what can be none becomes U+FFFD, one for each longest
 * beginning of a character (Unicode 15, section 3.9, table 3-7), as Rust's and Python's decoders write it.
 */
public final class Utf8Stream {
    private static final char REPLACEMENT = '\uFFFD';

    private int value;
    private int needed;
    private int lowest = 0x80;
    private int highest = 0xBF;

    /** The text that these bytes complete. */
    public String add(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) {
            add(b & 0xFF, text);
        }
        return text.toString();
    }

    private void add(int b, StringBuilder text) {
        if (needed > 0) {
            if (b >= lowest && b <= highest) {
                lowest = 0x80;
                highest = 0xBF;
                value = value << 6 | b & 0x3F;
                needed--;
                if (needed == 0) {
                    text.appendCodePoint(value);
                }
                return;
            }
            text.append(end());
        }
        if (b < 0x80) {
            text.append((char) b);
        } else if (b >= 0xC2 && b <= 0xDF) {
            begin(b & 0x1F, 1);
        } else if (b >= 0xE0 && b <= 0xEF) {
            begin(b & 0x0F, 2);
            lowest = b == 0xE0 ? 0xA0 : 0x80;
            highest = b == 0xED ? 0x9F : 0xBF;
        } else if (b >= 0xF0 && b <= 0xF4) {
            begin(b & 0x07, 3);
            lowest = b == 0xF0 ? 0x90 : 0x80;
            highest = b == 0xF4 ? 0x8F : 0xBF;
        } else {
            text.append(REPLACEMENT);
        }
    }

    private void begin(int bits, int more) {
        value = bits;
        needed = more;
    }

    /** What is left at the end: U+FFFD where a character is not whole, else nothing. */
    public String end() {
        boolean open = needed > 0;
        needed = 0;
        lowest = 0x80;
        highest = 0xBF;
        return open ? String.valueOf(REPLACEMENT) : "";
    }
}
