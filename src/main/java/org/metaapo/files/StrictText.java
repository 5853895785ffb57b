package org.metaapo.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.metaapo.error.DataException;

/** UTF-8 text, decoded without replacement characters and without byte-order marks. */
public final class StrictText {
    private StrictText() {}

    /**
     * Reads a whole text file; {@code -} is {@link StandardInput standard input}.
     *
     * @throws DataException if it cannot be read, is not UTF-8 (with line and byte column), starts with a
     *     byte-order mark, or is a {@link StandIn}
     */
    public static String read(Path file) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(StandardInput.file(file));
        } catch (IOException failure) {
            throw FileFailures.reading(file, failure);
        } catch (OutOfMemoryError tooLarge) {
            throw new DataException(file + ": too large to be read as one text", tooLarge);
        }
        StandIn.refuse(bytes, file.toString());
        return decode(bytes, 0, bytes.length, file.toString(), 1);
    }

    /**
     * Decodes part of an array.
     *
     * @param where name of the source, for messages
     * @param firstLine number of the line at {@code from}, for messages, counted from 1
     * @throws DataException if it is not UTF-8, or has a byte-order mark at the start of line 1
     */
    public static String decode(byte[] bytes, int from, int length, String where, long firstLine) {
        if (firstLine == 1) {
            refuseMark(bytes, from, length, where);
        }
        // Malformed bytes become U+FFFD, which a text may also have by itself: only then it is looked at byte by byte.
        String text = new String(bytes, from, length, StandardCharsets.UTF_8);
        if (text.indexOf('\ufffd') >= 0) {
            refuseMalformed(bytes, from, length, where, firstLine);
        }
        return text;
    }

    private static void refuseMalformed(byte[] bytes, int from, int length, String where, long firstLine) {
        ByteBuffer in = ByteBuffer.wrap(bytes, from, length);
        CharBuffer out = CharBuffer.allocate(Math.min(length, 1 << 13));
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        CoderResult result = decoder.decode(in, out, true);
        while (result.isOverflow()) {
            result = decoder.decode(in, out.clear(), true);
        }
        if (result.isError()) {
            long line = firstLine;
            int column = 1;
            for (int at = from; at < in.position(); at++) {
                column++;
                if (bytes[at] == '\n') {
                    line++;
                    column = 1;
                }
            }
            throw new DataException(String.format(
                    "%s, line %d, byte column %d: not UTF-8 (byte 0x%02x): save the file as UTF-8",
                    where, line, column, bytes[in.position()] & 0xff));
        }
    }

    /**
     * Looks at the start of a file.
     *
     * @throws DataException if it is a byte-order mark
     */
    public static void refuseMark(byte[] bytes, int from, int length, String where) {
        if (startsWithMark(bytes, from, length)) {
            throw new DataException(where + ", line 1, column 1: byte-order mark found: save the file as UTF-8 without one");
        }
    }

    private static boolean startsWithMark(byte[] bytes, int from, int length) {
        boolean utf8 = length >= 3
                && bytes[from] == (byte) 0xef
                && bytes[from + 1] == (byte) 0xbb
                && bytes[from + 2] == (byte) 0xbf;
        boolean utf16 = length >= 2
                && ((bytes[from] == (byte) 0xfe && bytes[from + 1] == (byte) 0xff)
                        || (bytes[from] == (byte) 0xff && bytes[from + 1] == (byte) 0xfe));
        return utf8 || utf16;
    }
}
