package org.metaapo.watch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.report.RunFiles;

/**
 * The lines of a file that grows. A run that goes on from a checkpoint cuts its file back and writes on: what then stands before the place
 * read last is not what stood there, and all is read again. Only lines that have ended are given.
 */
final class LineTail {
    /** The longest line that is read; longer ones are passed over. */
    static final int LONGEST = 1 << 20;

    /**
     * How many bytes before the place read last are looked at again. A few are not enough: a run that goes on may write lines again that
     * end as they did, and differ in their middle.
     */
    private static final int CHECKED = 1 << 16;

    private final RunFiles files;
    private final String name;
    private long offset;
    /** The bytes before {@link #offset}, at most {@link #CHECKED}. */
    private byte[] before = new byte[0];
    /** Whether the place is within a line that is too long. */
    private boolean isPassing;
    /** How far the file was read, the beginning of a line that has not ended included. */
    private long end;
    /** The file as it was at the last look; null before. */
    private RunFiles.Version seen;

    LineTail(RunFiles files, String name) {
        this.files = files;
        this.name = name;
    }

    /**
     * What came of a look.
     *
     * @param exists whether there is a file that can be read
     * @param restarted whether all lines given before are void
     * @param lines that are new
     * @param passedOver how many lines were too long
     * @param more whether there may be more to read at once
     */
    record Look(boolean exists, boolean restarted, List<byte[]> lines, int passedOver, boolean more) {}

    /** Bytes of the lines that were given. */
    long offset() {
        return offset;
    }

    /** Reads up to about {@code most} bytes of what is new. */
    Look read(int most) {
        RunFiles.Version version = files.version(name);
        if (version == null) {
            return new Look(false, false, List.of(), 0, false);
        }
        if (version.equals(seen) && version.bytes() == end) {
            return new Look(true, false, List.of(), 0, false);
        }
        try (SeekableByteChannel channel = files.open(null, name)) {
            seen = version;
            boolean restarted = offset > 0 && isAnother(channel);
            if (restarted) {
                offset = 0;
                before = new byte[0];
                isPassing = false;
            }
            return read(channel, (int) Math.min(most, Math.max(0, channel.size() - offset)), restarted);
        } catch (IOException e) {
            return new Look(false, false, List.of(), 0, false);
        }
    }

    private boolean isAnother(SeekableByteChannel channel) throws IOException {
        return channel.size() < offset || !Arrays.equals(bytes(channel, offset - before.length, before.length), before);
    }

    private static byte[] bytes(SeekableByteChannel channel, long from, int count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(count);
        channel.position(from);
        while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
            continue;
        }
        return buffer.hasRemaining() ? Arrays.copyOf(buffer.array(), buffer.position()) : buffer.array();
    }

    private Look read(SeekableByteChannel channel, int count, boolean restarted) throws IOException {
        byte[] bytes = bytes(channel, offset, count);
        end = offset + bytes.length;
        List<byte[]> lines = new ArrayList<>();
        int passedOver = 0;
        int from = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] != '\n') {
                continue;
            }
            if (isPassing || i - from > LONGEST) {
                passedOver++;
                isPassing = false;
            } else if (i > from) {
                lines.add(Arrays.copyOfRange(bytes, from, i));
            }
            from = i + 1;
        }
        if (isPassing || bytes.length - from > LONGEST) {
            isPassing = true;
            from = bytes.length;
        }
        advance(bytes, from);
        return new Look(true, restarted, lines, passedOver, from > 0 && end < channel.size());
    }

    private void advance(byte[] bytes, int read) {
        offset += read;
        byte[] joined = Arrays.copyOf(before, before.length + read);
        System.arraycopy(bytes, 0, joined, before.length, read);
        before = Arrays.copyOfRange(joined, Math.max(0, joined.length - CHECKED), joined.length);
    }
}
