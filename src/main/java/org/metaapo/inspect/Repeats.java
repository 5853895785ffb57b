package org.metaapo.inspect;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import org.metaapo.files.Digests;

/**
 * Finds token sequences that come again, by 64 bits of their SHA-256: 24 bytes a sequence, and less than one false match in ten
 * thousand runs over ten million rows.
 */
final class Repeats {
    private final MessageDigest digest = Digests.sha256();
    private long[] keys = new long[1024];
    private int[] rows = new int[1024];
    private int size;

    /** Notes what a row has; returns the first row that had the same, or -1. */
    int add(int row, int[]... sequences) {
        long key = key(sequences);
        int at = slot(keys, rows, key);
        if (rows[at] != 0) {
            return rows[at] - 1;
        }
        keys[at] = key;
        rows[at] = row + 1;
        if (++size > keys.length / 2) {
            grow();
        }
        return -1;
    }

    /** The first row that had the same, or -1; notes nothing. */
    int find(int[]... sequences) {
        return rows[slot(keys, rows, key(sequences))] - 1;
    }

    private long key(int[]... sequences) {
        for (int[] sequence : sequences) {
            ByteBuffer bytes = ByteBuffer.allocate(4 + 4 * sequence.length).putInt(sequence.length);
            bytes.asIntBuffer().put(sequence);
            digest.update(bytes.array());
        }
        return ByteBuffer.wrap(digest.digest()).getLong();
    }

    /** Where a key is, or the free place for it; a place is free where its row is 0. */
    private static int slot(long[] keys, int[] rows, long key) {
        int at = (int) key & (keys.length - 1);
        while (rows[at] != 0 && keys[at] != key) {
            at = (at + 1) & (keys.length - 1);
        }
        return at;
    }

    private void grow() {
        long[] oldKeys = keys;
        int[] oldRows = rows;
        keys = new long[2 * oldKeys.length];
        rows = new int[keys.length];
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldRows[i] != 0) {
                int at = slot(keys, rows, oldKeys[i]);
                keys[at] = oldKeys[i];
                rows[at] = oldRows[i];
            }
        }
    }
}
