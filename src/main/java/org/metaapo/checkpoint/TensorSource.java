package org.metaapo.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Gives the data of the tensors that {@link SafetensorsWriter} writes, chunk by chunk, as from native memory. */
@FunctionalInterface
public interface TensorSource {
    /**
     * Fills {@code chunk} from index 0 to its limit with the tensor's bytes from {@code byteOffset} on, in little-endian
     * order. The buffer is direct and its limit a multiple of the element size; its position need not be moved.
     *
     * @throws IOException if the data cannot be had, for instance from another file
     */
    void fill(TensorSpec tensor, long byteOffset, ByteBuffer chunk) throws IOException;
}
