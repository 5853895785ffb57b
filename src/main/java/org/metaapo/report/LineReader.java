package org.metaapo.report;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.util.Arrays;

/** Lines of a file with their places, each whole in memory; one of more than {@code most} bytes is passed over. */
final class LineReader {
    private static final int BLOCK = 1 << 16;

    private final SeekableByteChannel channel;
    private final int most;
    private final ByteBuffer block = ByteBuffer.allocate(BLOCK).flip();
    private byte[] line = new byte[1 << 12];
    private int length;
    private long position;
    private long start;

    /** Reads from the channel's position. */
    LineReader(SeekableByteChannel channel, int most) throws IOException {
        this.channel = channel;
        this.most = most;
        this.position = channel.position();
    }

    /** Goes to the next line that ends; false where there is none. */
    boolean next() throws IOException {
        start = position;
        length = 0;
        boolean isTooLong = false;
        while (true) {
            if (!block.hasRemaining() && !fill()) {
                return false;
            }
            byte[] bytes = block.array();
            int from = block.position();
            int to = from;
            while (to < block.limit() && bytes[to] != '\n') {
                to++;
            }
            isTooLong |= length + (to - from) > most;
            if (!isTooLong) {
                append(bytes, from, to - from);
            }
            boolean ends = to < block.limit();
            position += to - from + (ends ? 1 : 0);
            block.position(ends ? to + 1 : to);
            if (ends && isTooLong) {
                start = position;
                length = 0;
                isTooLong = false;
            } else if (ends) {
                return true;
            }
        }
    }

    private boolean fill() throws IOException {
        block.clear();
        int read = channel.read(block);
        block.flip();
        return read > 0;
    }

    private void append(byte[] bytes, int from, int count) {
        if (length + count > line.length) {
            line = Arrays.copyOf(line, (int) Math.min(most, Math.max(2L * line.length, length + count)));
        }
        System.arraycopy(bytes, from, line, length, count);
        length += count;
    }

    /** Where the line begins in the file. */
    long start() {
        return start;
    }

    /** The line's bytes are the first of these; they change with the next line. */
    byte[] bytes() {
        return line;
    }

    /** Bytes of the line, without its end. */
    int length() {
        return length;
    }
}
