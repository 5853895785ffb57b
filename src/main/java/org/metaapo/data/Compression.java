package org.metaapo.data;

import com.github.luben.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.metaapo.error.DataException;
import org.metaapo.files.StandIn;
import org.metaapo.files.StandardInput;

/** Opens a file that may be compressed, told by its first bytes. */
final class Compression {
    /** Text shrinks 3 to 20 times; what shrinks more than this was made to fill a disk or a memory. */
    private static final long MOST_RATIO = 500;

    private static final long ALWAYS_ALLOWED = 64L << 20;

    private Compression() {}

    /**
     * A file's content, decompressed.
     *
     * @param in the content
     * @param raw counts what was read of the file itself
     */
    record Opened(InputStream in, Counted raw) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            in.close();
        }
    }

    /** Whether a file that begins so is compressed in a way that is undone while it is read. */
    static boolean isCompressed(byte[] start) {
        return isGzip(start) || isZstd(start);
    }

    private static boolean isGzip(byte[] start) {
        return begins(start, 0x1f, 0x8b);
    }

    private static boolean isZstd(byte[] start) {
        return begins(start, 0x28, 0xb5, 0x2f, 0xfd);
    }

    /** The file's content, decompressed and buffered. */
    static Opened open(Path file) throws IOException {
        byte[] start = start(file);
        Counted raw = new Counted(Files.newInputStream(StandardInput.file(file)));
        try {
            InputStream in = raw;
            if (isGzip(start)) {
                // The JDK's reader takes a damaged member for the end of the file.
                in = new Bounded(new GzipCompressorInputStream(new BufferedInputStream(raw, 1 << 16), true), file);
            } else if (isZstd(start)) {
                in = new Bounded(new ZstdInputStream(raw), file);
            }
            return new Opened(new BufferedInputStream(in, 1 << 16), raw);
        } catch (IOException | RuntimeException e) {
            raw.close();
            throw e;
        }
    }

    /** The first bytes of a file, as it lies there. */
    static byte[] start(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(StandardInput.file(file))) {
            return in.readNBytes(StandIn.BYTES);
        }
    }

    /** The first bytes of a file's content. */
    static byte[] contentStart(Path file) throws IOException {
        try (Opened opened = open(file)) {
            return opened.in().readNBytes(StandIn.BYTES);
        }
    }

    private static boolean begins(byte[] start, int... bytes) {
        if (start.length < bytes.length) {
            return false;
        }
        for (int i = 0; i < bytes.length; i++) {
            if ((start[i] & 0xff) != bytes[i]) {
                return false;
            }
        }
        return true;
    }

    /** Refuses content that is out of all proportion to its file. */
    static void checkGrowth(Path file, long fileBytes, long contentBytes) {
        if (contentBytes > ALWAYS_ALLOWED + MOST_RATIO * fileBytes) {
            throw new DataException(file + ": grows to more than " + MOST_RATIO + " times its size when it is decompressed; "
                    + "decompress it yourself if that is right");
        }
    }

    /** Counts what is read. */
    static class Counted extends FilterInputStream {
        private long read;

        Counted(InputStream in) {
            super(in);
        }

        /** Bytes read so far. */
        long count() {
            return read;
        }

        void counted(int count) {
            read += Math.max(0, count);
        }

        @Override
        public int read() throws IOException {
            int b = super.read();
            counted(b < 0 ? 0 : 1);
            return b;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int count = super.read(bytes, offset, length);
            counted(count);
            return count;
        }
    }

    /** Refuses to go on beyond a sane ratio. */
    private static final class Bounded extends Counted {
        private final Path file;
        private final long fileBytes;

        Bounded(InputStream in, Path file) throws IOException {
            super(in);
            this.file = file;
            this.fileBytes = Files.size(StandardInput.file(file));
        }

        @Override
        void counted(int count) {
            super.counted(count);
            checkGrowth(file, fileBytes, count());
        }
    }
}
