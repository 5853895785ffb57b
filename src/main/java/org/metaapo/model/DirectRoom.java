package org.metaapo.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.metaapo.checkpoint.StoredTensors;
import org.metaapo.error.DataException;

/** Memory off the heap for one tensor after another, as large as the largest of them. */
final class DirectRoom {
    private ByteBuffer room = ByteBuffer.allocateDirect(0);

    /** A buffer of so many bytes, little-endian; what it held before is lost. */
    ByteBuffer of(long bytes, String what) {
        if (bytes > Integer.MAX_VALUE - 8) {
            throw new DataException(what + ": " + bytes + " bytes, more than the 2 GiB that are read at once to be packed");
        }
        if (room.capacity() < bytes) {
            room = ByteBuffer.allocateDirect((int) bytes);
        }
        return room.clear().limit((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** All of a tensor's bytes. */
    ByteBuffer read(StoredTensors folder, String name) {
        ByteBuffer bytes = of(folder.tensor(name).bytes(), folder.path() + ": " + name);
        folder.read(name, 0, bytes);
        return bytes.flip();
    }
}
