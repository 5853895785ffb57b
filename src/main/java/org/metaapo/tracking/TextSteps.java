package org.metaapo.tracking;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Steps at which a folder's event files have a text. A reader forgets numbers from a resumed step on and keeps texts (tensors), so that
 * one that is there must not be written again.
 */
final class TextSteps {
    private static final int STEP_TAG = 2 << 3;
    /** Wall time, with its tag, comes first. */
    private static final int STEP_AT = 1 + Double.BYTES;
    private static final int MOST_BYTES = 64 << 20;

    private TextSteps() {}

    static Set<Long> of(Path folder, String tag) throws IOException {
        Set<Long> steps = new HashSet<>();
        // As the first field of a value in a summary.
        byte[] field = new ProtoMessage().text(1, tag).toBytes();
        for (Path file : EventFile.files(folder)) {
            try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
                while (true) {
                    byte[] event = next(in);
                    if (contains(event, field)) {
                        steps.add(step(event));
                    }
                }
            } catch (EOFException e) {
                // The file's end, or a record that a process which was killed did not finish.
            }
        }
        return steps;
    }

    private static byte[] next(DataInputStream in) throws IOException {
        byte[] length = new byte[Long.BYTES];
        in.readFully(length);
        long bytes = ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (bytes < 0 || bytes > MOST_BYTES) {
            throw new EOFException();
        }
        in.readInt();
        byte[] event = new byte[(int) bytes];
        in.readFully(event);
        in.readInt();
        return event;
    }

    private static boolean contains(byte[] event, byte[] field) {
        // Latin 1 keeps bytes as they are.
        return event.length > STEP_AT && event[STEP_AT] == STEP_TAG
                && new String(event, StandardCharsets.ISO_8859_1).contains(new String(field, StandardCharsets.ISO_8859_1));
    }

    private static long step(byte[] event) {
        long step = 0;
        for (int i = STEP_AT + 1, shift = 0; i < event.length; i++, shift += 7) {
            step |= (event[i] & 0x7FL) << shift;
            if (event[i] >= 0) {
                break;
            }
        }
        return step;
    }
}
