package org.metaapo.checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.StandIn;

/**
 * An open safetensors file. Opening reads and checks the header alone; tensor data is mapped or read on demand. All
 * methods may be called from several threads; after {@link #close()} they throw {@link IllegalStateException}, but
 * buffers from {@link #map} stay valid. The values themselves are not looked at.
 */
public final class SafetensorsFile implements AutoCloseable {
    private final Path path;
    private final FileChannel channel;
    private final Map<String, TensorInfo> tensors;
    private final Map<String, String> metadata;

    private SafetensorsFile(Path path, FileChannel channel, SafetensorsHeader header) {
        this.path = path;
        this.channel = channel;
        this.tensors = header.tensors();
        this.metadata = header.metadata();
    }

    /**
     * Opens a file and checks its header strictly.
     *
     * @throws DataException if the file cannot be read or is not a valid safetensors file
     */
    public static SafetensorsFile open(Path path) {
        FileChannel channel = null;
        boolean opened = false;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ);
            SafetensorsFile file = new SafetensorsFile(path, channel, readHeader(path, channel));
            opened = true;
            return file;
        } catch (IOException failure) {
            throw FileFailures.reading(path, failure);
        } finally {
            if (!opened) {
                closeQuietly(channel);
            }
        }
    }

    private static SafetensorsHeader readHeader(Path path, FileChannel channel) throws IOException {
        long size = channel.size();
        ByteBuffer start = ByteBuffer.allocate((int) Math.min(size, StandIn.BYTES));
        readFully(channel, 0, start);
        StandIn.refuse(start.array(), path.toString());
        if (size < 8) {
            throw new DataException(path + ": not a valid safetensors file: " + size + " bytes, expected at least 8");
        }
        ByteBuffer lengthField = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        readFully(channel, 0, lengthField);
        long length = lengthField.getLong(0);
        if (length < 0 || length > SafetensorsHeader.MAX_BYTES) {
            throw new DataException(path + ": not a valid safetensors file: header length "
                    + Long.toUnsignedString(length) + ", expected at most " + SafetensorsHeader.MAX_BYTES);
        }
        if (length > size - 8) {
            throw new DataException(path + ": not a valid safetensors file: header length " + length
                    + ", but only " + (size - 8) + " bytes follow: the file is truncated");
        }
        ByteBuffer json = ByteBuffer.allocate((int) length);
        readFully(channel, 8, json);
        return SafetensorsHeader.parse(json.array(), size - 8 - length, path.toString());
    }

    /** The path it was opened from. */
    public Path path() {
        return path;
    }

    /** All tensors by name, in the order of their data. */
    public Map<String, TensorInfo> tensors() {
        return tensors;
    }

    /** The free-form {@code __metadata__} of the file; empty when it has none. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /**
     * Maps a tensor's data, read-only and little-endian, without copying.
     *
     * @param name a key of {@link #tensors()}
     * @throws DataException if it is larger than 2^31 - 1 bytes (use {@link #read}) or cannot be mapped
     * @throws IllegalArgumentException if there is no such tensor
     */
    public ByteBuffer map(String name) {
        TensorInfo tensor = tensor(name);
        if (tensor.bytes() > Integer.MAX_VALUE) {
            throw new DataException(path + ": tensor " + name + " has " + tensor.bytes() + " bytes, too large to map");
        }
        checkOpen();
        try {
            return channel.map(FileChannel.MapMode.READ_ONLY, tensor.offset(), tensor.bytes())
                    .order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException failure) {
            throw FileFailures.reading(path, failure);
        }
    }

    /**
     * Fills the rest of {@code dst} from a tensor's data, as far as the tensor goes.
     *
     * @param name a key of {@link #tensors()}
     * @param byteOffset where to start, from the tensor's first byte
     * @return bytes read: the smaller of {@code dst.remaining()} and what the tensor has from there on
     * @throws DataException if reading fails or the file has been cut short since it was opened
     * @throws IllegalArgumentException if there is no such tensor or the offset lies outside of it
     */
    public long read(String name, long byteOffset, ByteBuffer dst) {
        TensorInfo tensor = tensor(name);
        if (byteOffset < 0 || byteOffset > tensor.bytes()) {
            throw new IllegalArgumentException(
                    "tensor " + name + " has " + tensor.bytes() + " bytes, offset " + byteOffset + " lies outside");
        }
        checkOpen();
        int count = (int) Math.min(dst.remaining(), tensor.bytes() - byteOffset);
        ByteBuffer slice = dst.slice(dst.position(), count);
        try {
            readFully(channel, tensor.offset() + byteOffset, slice);
        } catch (IOException failure) {
            throw FileFailures.reading(path, failure);
        }
        dst.position(dst.position() + count);
        return count;
    }

    /** Closes the file; calling it again does nothing. */
    @Override
    public void close() {
        closeQuietly(channel);
    }

    private TensorInfo tensor(String name) {
        TensorInfo tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException(path + ": no tensor named " + name);
        }
        return tensor;
    }

    private void checkOpen() {
        if (!channel.isOpen()) {
            throw new IllegalStateException(path + ": used after close");
        }
    }

    private static void readFully(FileChannel channel, long position, ByteBuffer dst) throws IOException {
        long at = position;
        while (dst.hasRemaining()) {
            int count = channel.read(dst, at);
            if (count < 0) {
                throw new EOFException("the file ends at byte " + at);
            }
            at += count;
        }
    }

    private static void closeQuietly(FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException ignored) {
            // A file open for reading has nothing to lose.
        }
    }
}
