package org.metaapo.checkpoint;

import java.nio.ByteBuffer;
import java.nio.file.Path;

/** Tensors by name as they lie in the files of a folder. */
public interface StoredTensors {
    /** The folder. */
    Path path();

    /** One tensor. */
    TensorInfo tensor(String name);

    /** Reads a part of a tensor's data: see {@link SafetensorsFile#read}. */
    long read(String name, long byteOffset, ByteBuffer target);
}
