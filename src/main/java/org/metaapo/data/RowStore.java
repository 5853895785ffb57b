package org.metaapo.data;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.Objects;
import java.util.RandomAccess;
import java.util.zip.CRC32C;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;

/**
 * Encoded rows in a file: the index is held, tokens and texts are read when they are asked for. The rows that {@link #get} gives
 * are small; each call of {@link EncodedRow#prompt} and its kin reads and makes a new array.
 */
public final class RowStore extends AbstractList<EncodedRow> implements RandomAccess, AutoCloseable {
    private final Path file;
    private final FileChannel channel;
    private final RowStats stats;
    private final long[] offsets;
    private final int[] index;

    private RowStore(Path file, FileChannel channel, RowStats stats, long[] offsets, int[] index) {
        this.file = file;
        this.channel = channel;
        this.stats = stats;
        this.offsets = offsets;
        this.index = index;
    }

    /** Why a file is not taken. */
    static final class Unusable extends Exception {
        Unusable(String message) {
            super(message);
        }
    }

    /**
     * Opens a file and checks all of it.
     *
     * @throws Unusable if it is damaged, or made from something else than {@code key} names
     */
    static RowStore open(Path file, byte[] key) throws IOException, Unusable {
        FileChannel channel = FileChannel.open(file);
        try {
            return read(file, channel, key);
        } catch (IOException | Unusable e) {
            channel.close();
            throw e;
        } catch (RuntimeException e) {
            channel.close();
            throw new Unusable("is damaged: " + e.getMessage());
        }
    }

    private static RowStore read(Path file, FileChannel channel, byte[] key) throws IOException, Unusable {
        long size = channel.size();
        int headBytes = 8 + RowStoreWriter.KEY_BYTES;
        require(size >= headBytes + RowStoreWriter.TRAILER_BYTES, "is damaged: it is too short");
        ByteBuffer head = read(channel, 0, headBytes);
        require(head.getLong() == RowStoreWriter.MAGIC, "is not such a file");
        byte[] found = new byte[RowStoreWriter.KEY_BYTES];
        head.get(found);
        require(Arrays.equals(found, key), "was made from other data");
        long trailerAt = size - RowStoreWriter.TRAILER_BYTES;
        ByteBuffer trailer = read(channel, trailerAt, RowStoreWriter.TRAILER_BYTES);
        long statsAt = trailer.getLong();
        int statsBytes = trailer.getInt();
        int rows = trailer.getInt();
        long crc = trailer.getLong();
        require(trailer.getLong() == RowStoreWriter.MAGIC && crc == crc(channel, size - 16), "is damaged: its checksum is wrong");
        int entry = 8 + 4 * RowStoreWriter.FIELDS;
        require(statsAt >= headBytes && statsBytes >= 0 && rows >= 0
                && statsAt + statsBytes + (long) rows * entry == trailerAt, "is damaged: its parts do not fit");
        RowStats stats = Json.mapper().readValue(read(channel, statsAt, statsBytes).array(), RowStats.class);
        long[] offsets = new long[rows];
        int[] index = new int[rows * RowStoreWriter.FIELDS];
        long at = statsAt + statsBytes;
        for (int first = 0; first < rows; first += 4096) {
            int count = Math.min(4096, rows - first);
            ByteBuffer part = read(channel, at, count * entry);
            at += (long) count * entry;
            for (int i = first; i < first + count; i++) {
                offsets[i] = part.getLong();
                for (int field = 0; field < RowStoreWriter.FIELDS; field++) {
                    index[i * RowStoreWriter.FIELDS + field] = part.getInt();
                }
            }
        }
        RowStore store = new RowStore(file, channel, stats, offsets, index);
        for (int i = 0; i < rows; i++) {
            require(offsets[i] >= headBytes && offsets[i] + store.bytes(i) <= statsAt, "is damaged: a row lies outside of it");
        }
        return store;
    }

    private static void require(boolean holds, String message) throws Unusable {
        if (!holds) {
            throw new Unusable(message);
        }
    }

    private static long crc(FileChannel channel, long bytes) throws IOException {
        CRC32C crc = new CRC32C();
        ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
        for (long at = 0; at < bytes; ) {
            buffer.clear().limit((int) Math.min(buffer.capacity(), bytes - at));
            int count = channel.read(buffer, at);
            if (count < 0) {
                throw new EOFException("it was cut while it was read");
            }
            at += count;
            crc.update(buffer.flip());
        }
        return crc.getValue();
    }

    private static ByteBuffer read(FileChannel channel, long at, int bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, at + buffer.position()) < 0) {
                throw new EOFException("it ends too early");
            }
        }
        return buffer.flip();
    }

    /** What came of making it. */
    public RowStats stats() {
        return stats;
    }

    @Override
    public int size() {
        return offsets.length;
    }

    @Override
    public EncodedRow get(int row) {
        return new StoredRow(this, Objects.checkIndex(row, offsets.length));
    }

    /** Place of a row that {@link #get} gave; -1 for any other object. */
    @Override
    public int indexOf(Object row) {
        return row instanceof StoredRow stored && stored.store() == this ? stored.index() : -1;
    }

    /** A number of the index, by the writer's names. */
    int field(int row, int field) {
        return index[row * RowStoreWriter.FIELDS + field];
    }

    /** As {@link #field}, with 0 for an answer that is not there. */
    int count(int row, int field) {
        return Math.max(0, field(row, field));
    }

    private long bytes(int row) {
        long ids = 0;
        for (int part : RowStoreWriter.IDS) {
            ids += count(row, part);
        }
        return 4 * ids + count(row, RowStoreWriter.TEXT);
    }

    /** The bytes of one part of a row: its ids by field, or its texts. */
    private ByteBuffer part(int row, int part) {
        long at = offsets[row];
        for (int before : RowStoreWriter.IDS) {
            if (before == part) {
                break;
            }
            at += 4L * count(row, before);
        }
        try {
            return read(channel, at, (part == RowStoreWriter.TEXT ? 1 : 4) * count(row, part));
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
    }

    /** Ids of a part; null where the row does not have it. */
    int[] ids(int row, int part) {
        if (field(row, part) < 0) {
            return null;
        }
        int[] ids = new int[count(row, part)];
        part(row, part).asIntBuffer().get(ids);
        return ids;
    }

    /** The row with its texts. */
    Row row(int row) {
        return RowCodec.decode(part(row, RowStoreWriter.TEXT).array(), field(row, RowStoreWriter.ID), source(row));
    }

    /** File and line of a row. */
    String source(int row) {
        int low = 0;
        for (int i = 0; i < stats.files().size() && stats.files().get(i).first() <= row; i++) {
            low = i;
        }
        RowStats.FileRows of = stats.files().get(low);
        return new Place(of.path(), of.separator(), field(row, RowStoreWriter.NUMBER)).toString();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new DataException(file + ": cannot be closed: " + e.getMessage(), e);
        }
    }
}
