package org.metaapo.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.BitSet;
import org.metaapo.error.DataException;

/**
 * Splits one JSON list into the bytes of its elements, by brackets and quotes alone: what stands in an element may be wrong, and
 * the next one is found all the same. Where brackets or quotes do not match, no element's end is certain, and the file is refused.
 */
final class JsonElements {
    private static final int DEEPEST = 1 << 20;

    private final InputStream in;
    private final String file;
    private final ByteArrayOutputStream element = new ByteArrayOutputStream();
    private final BitSet braces = new BitSet();
    private int depth;
    private long number;
    private boolean more = true;

    /** Elements of the list that {@code in} begins with, after white space. */
    JsonElements(InputStream in, String file) throws IOException {
        this.in = in;
        this.file = file;
        first();
    }

    /**
     * The next element's bytes, without white space before them; of an element of more than {@link RawRow#LARGEST} bytes only one
     * byte too many. Null after the last one, when nothing but white space follows.
     *
     * @throws DataException if the list breaks off, or its brackets or quotes do not match
     */
    byte[] next() throws IOException {
        if (!more) {
            return null;
        }
        number++;
        element.reset();
        int b = first();
        if (b == ']' && number == 1) {
            end();
            return null;
        }
        while (depth > 0 || (b != ',' && b != ']')) {
            take(b);
            b = in.read();
        }
        more = b == ',';
        if (!more) {
            end();
        }
        return element.toByteArray();
    }

    /** Number of the element that was read last, from 1. */
    long number() {
        return number;
    }

    private void take(int b) throws IOException {
        keep(b);
        switch (b) {
            case -1 -> throw broken("the list does not end");
            case '"' -> text();
            case '{', '[' -> {
                braces.set(depth++, b == '{');
                if (depth > DEEPEST) {
                    throw broken("more than a million brackets are open");
                }
            }
            case '}', ']' -> {
                if (depth == 0 || braces.get(--depth) != (b == '}')) {
                    throw broken("a " + (char) b + " that no bracket before it matches");
                }
            }
            default -> {
                // A character of a number or a word, or what does not belong there: the element's parser tells.
            }
        }
    }

    private void text() throws IOException {
        for (int b = in.read(); b != '"'; b = in.read()) {
            keep(b);
            if (b == '\\') {
                b = in.read();
                keep(b);
            }
            if (b < 0 || b == '\n') {
                throw broken(b < 0 ? "the list does not end" : "a text that does not end on its line");
            }
        }
        keep('"');
    }

    private void keep(int b) {
        if (element.size() <= RawRow.LARGEST) {
            element.write(b);
        }
    }

    private int first() throws IOException {
        int b = in.read();
        while (b == ' ' || b == '\n' || b == '\r' || b == '\t') {
            b = in.read();
        }
        return b;
    }

    private void end() throws IOException {
        more = false;
        if (first() >= 0) {
            throw new DataException(file + ": not valid JSON: something follows the list");
        }
    }

    private DataException broken(String what) {
        return new DataException(file + Place.ELEMENT + number + ": not valid JSON: " + what
                + "; where the next element begins is not certain, so no row after it can be read or skipped");
    }
}
