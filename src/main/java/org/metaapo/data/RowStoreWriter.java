package org.metaapo.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.CRC32C;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;

/**
 * Writes what {@link RowStore} reads, little-endian:
 *
 * <pre>
 * magic (8)  key (32)
 * rows: ids of prompt, chosen, rejected, online chosen, online rejected (4 each), texts (RowCodec)
 * statistics as JSON
 * index: for each row its offset (8) and {@link #FIELDS} numbers (4 each)
 * trailer: offset of the statistics (8), their bytes (4), rows (4), CRC-32C of all before it (8), magic (8)
 * </pre>
 */
final class RowStoreWriter {
    static final long MAGIC = 0x31_73_77_6f_72_6f_70_61L;
    static final int KEY_BYTES = 32;
    static final int TRAILER_BYTES = 32;

    /** Numbers of a row in the index. */
    static final int FIELDS = 12;

    static final int NUMBER = 0;
    static final int ID = 1;
    static final int PROMPT = 2;
    static final int CHOSEN = 3;
    static final int REJECTED = 4;
    static final int PROMPT_CUT = 5;
    static final int CHOSEN_CUT = 6;
    static final int REJECTED_CUT = 7;
    static final int TEXT = 8;
    static final int ONLINE_CHOSEN = 9;
    static final int ONLINE_REJECTED = 10;
    static final int ONLINE_CUT = 11;

    /** The parts of a row that are ids, in their order in the file. */
    static final int[] IDS = {PROMPT, CHOSEN, REJECTED, ONLINE_CHOSEN, ONLINE_REJECTED};

    private final FileChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
    private final CRC32C crc = new CRC32C();
    private final MessageDigest digest = Digests.sha256();
    private long[] offsets = new long[1024];
    private int[] index = new int[1024 * FIELDS];
    private int rows;
    private long written;

    RowStoreWriter(FileChannel channel, byte[] key) throws IOException {
        this.channel = channel;
        putLong(MAGIC);
        put(key);
    }

    /** Number of rows so far. */
    int rows() {
        return rows;
    }

    /** Appends a row; {@code number} is its place in its file. */
    void add(EncodedRow row, byte[] text, int number) throws IOException {
        if (rows == offsets.length) {
            offsets = Arrays.copyOf(offsets, 2 * rows);
            index = Arrays.copyOf(index, 2 * rows * FIELDS);
        }
        offsets[rows] = written;
        int at = rows * FIELDS;
        index[at + NUMBER] = number;
        index[at + ID] = row.id();
        index[at + PROMPT] = ids(row.prompt());
        index[at + CHOSEN] = ids(row.chosen());
        index[at + REJECTED] = ids(row.rejected());
        index[at + ONLINE_CHOSEN] = ids(row.onlineChosen());
        index[at + ONLINE_REJECTED] = ids(row.onlineRejected());
        index[at + PROMPT_CUT] = row.promptCut();
        index[at + CHOSEN_CUT] = row.chosenCut();
        index[at + REJECTED_CUT] = row.rejectedCut();
        index[at + ONLINE_CUT] = row.onlineCut();
        index[at + TEXT] = text.length;
        put(text);
        rows++;
    }

    private int ids(int[] ids) throws IOException {
        int count = ids == null ? -1 : ids.length;
        ByteBuffer bytes = ByteBuffer.allocate(4 + 4 * Math.max(0, count)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(count);
        if (ids != null) {
            bytes.asIntBuffer().put(ids);
        }
        digest.update(bytes.array());
        put(bytes.array(), 4, 4 * Math.max(0, count));
        return count;
    }

    /** SHA-256 of all ids so far. */
    String digest() {
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Writes what follows the rows. */
    void finish(RowStats stats) throws IOException {
        long statsAt = written;
        byte[] json = Json.mapper().writeValueAsBytes(stats);
        put(json);
        for (int i = 0; i < rows; i++) {
            putLong(offsets[i]);
            for (int field = 0; field < FIELDS; field++) {
                putInt(index[i * FIELDS + field]);
            }
        }
        putLong(statsAt);
        putInt(json.length);
        putInt(rows);
        flush();
        putLong(crc.getValue());
        putLong(MAGIC);
        flush();
    }

    private void putLong(long value) throws IOException {
        room(8);
        buffer.putLong(value);
        written += 8;
    }

    private void putInt(int value) throws IOException {
        room(4);
        buffer.putInt(value);
        written += 4;
    }

    private void put(byte[] bytes) throws IOException {
        put(bytes, 0, bytes.length);
    }

    private void put(byte[] bytes, int from, int length) throws IOException {
        for (int done = 0; done < length; ) {
            room(1);
            int part = Math.min(length - done, buffer.remaining());
            buffer.put(bytes, from + done, part);
            done += part;
        }
        written += length;
    }

    private void room(int bytes) throws IOException {
        if (buffer.remaining() < bytes) {
            flush();
        }
    }

    private void flush() throws IOException {
        buffer.flip();
        crc.update(buffer.duplicate());
        AtomicFiles.writeFully(channel, buffer);
        buffer.clear();
    }
}
