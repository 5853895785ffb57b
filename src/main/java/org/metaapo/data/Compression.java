package org.metaapo.data;

import com.github.luben.zstd.ZstdInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import org.metaapo.error.DataException;

/** Opens a file that may be compressed, told by its first bytes. */
final class Compression {
    /** Text shrinks 3 to 20 times; what shrinks more than this was made to fill a disk or a memory. */
    private static final long MOST_RATIO = 500;

    private static final long ALWAYS_ALLOWED = 64L << 20;

    private Compression() {}

    /** The file's content, decompressed. */
    static InputStream open(Path file) throws IOException {
        byte[] start = start(file);
        InputStream raw = Files.newInputStream(file);
        try {
            if (begins(start, 0x1f, 0x8b)) {
                return new Bounded(new GZIPInputStream(raw, 1 << 16), file);
            }
            if (begins(start, 0x28, 0xb5, 0x2f, 0xfd)) {
                return new Bounded(new ZstdInputStream(raw), file);
            }
            return raw;
        } catch (IOException | RuntimeException e) {
            raw.close();
            throw e;
        }
    }

    /** The first bytes of a file. */
    static byte[] start(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(4);
        }
    }

    static boolean begins(byte[] start, int... bytes) {
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

    /** Refuses to go on beyond a sane ratio. */
    private static final class Bounded extends FilterInputStream {
        private final Path file;
        private final long most;
        private long read;

        Bounded(InputStream in, Path file) throws IOException {
            super(in);
            this.file = file;
            this.most = ALWAYS_ALLOWED + MOST_RATIO * Files.size(file);
        }

        private int counted(int count) {
            read += Math.max(0, count);
            if (read > most) {
                throw new DataException(file + ": grows to more than " + MOST_RATIO + " times its size when it is decompressed; "
                        + "decompress it yourself if that is right");
            }
            return count;
        }

        @Override
        public int read() throws IOException {
            int b = super.read();
            counted(b < 0 ? 0 : 1);
            return b;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            return counted(super.read(bytes, offset, length));
        }
    }
}
