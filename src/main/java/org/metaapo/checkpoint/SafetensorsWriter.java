package org.metaapo.checkpoint;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Json;

/** Writes safetensors files, streaming and atomically: see {@link AtomicFiles}. */
public final class SafetensorsWriter {
    private static final int CHUNK_BYTES = 4 << 20;

    private SafetensorsWriter() {}

    /**
     * Writes a file, replacing one that is there. Tensors are laid out by element size, widest first, so that each is
     * aligned to its elements, otherwise in the given order; the header is padded with spaces to a multiple of 8 bytes.
     *
     * @param metadata the {@code __metadata__} of the file (transformers expects {@code format: pt}); may be empty
     * @throws org.metaapo.error.RunFailedException if writing fails
     * @throws IllegalArgumentException if two tensors share a name, or a name is {@code __metadata__}
     */
    public static void write(Path target, List<TensorSpec> tensors, Map<String, String> metadata, TensorSource source) {
        List<TensorSpec> ordered = ordered(tensors);
        byte[] header = header(ordered, metadata);
        long total = 8L + header.length + ordered.stream().mapToLong(TensorSpec::bytes).sum();
        AtomicFiles.write(target, total, channel -> {
            ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            AtomicFiles.writeFully(channel, length.putLong(0, header.length));
            AtomicFiles.writeFully(channel, ByteBuffer.wrap(header));
            ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            for (TensorSpec tensor : ordered) {
                writeTensor(channel, tensor, source, chunk);
            }
        });
    }

    /** Reads what {@link #write} reads, in the same order, and writes nothing. */
    public static void readAlong(List<TensorSpec> tensors, TensorSource source) {
        ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        try {
            for (TensorSpec tensor : ordered(tensors)) {
                for (long at = 0; at < tensor.bytes(); at += CHUNK_BYTES) {
                    fill(tensor, source, at, chunk);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<TensorSpec> ordered(List<TensorSpec> tensors) {
        List<TensorSpec> ordered = new ArrayList<>(tensors);
        ordered.sort(Comparator.comparingInt((TensorSpec tensor) -> tensor.dtype().bytes()).reversed());
        return ordered;
    }

    /** Fills the chunk from byte {@code at} on, as far as the tensor goes. */
    private static void fill(TensorSpec tensor, TensorSource source, long at, ByteBuffer chunk) throws IOException {
        int count = (int) Math.min(CHUNK_BYTES, tensor.bytes() - at);
        chunk.position(0).limit(count);
        source.fill(tensor, at, chunk);
        chunk.position(0).limit(count);
    }

    private static void writeTensor(FileChannel channel, TensorSpec tensor, TensorSource source, ByteBuffer chunk)
            throws IOException {
        for (long at = 0; at < tensor.bytes(); at += CHUNK_BYTES) {
            fill(tensor, source, at, chunk);
            AtomicFiles.writeFully(channel, chunk);
        }
    }

    private static byte[] header(List<TensorSpec> tensors, Map<String, String> metadata) {
        ObjectNode root = Json.mapper().createObjectNode();
        Set<String> names = new HashSet<>(Set.of("__metadata__"));
        if (!metadata.isEmpty()) {
            ObjectNode entries = root.putObject("__metadata__");
            metadata.forEach(entries::put);
        }
        long offset = 0;
        for (TensorSpec tensor : tensors) {
            if (!names.add(tensor.name())) {
                throw new IllegalArgumentException("tensor name used twice or reserved: " + tensor.name());
            }
            ObjectNode entry = root.putObject(tensor.name());
            entry.put("dtype", tensor.dtype().name());
            ArrayNode shape = entry.putArray("shape");
            for (long dimension : tensor.shape()) {
                shape.add(dimension);
            }
            long end = Math.addExact(offset, tensor.bytes());
            entry.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        byte[] json = Json.write(root).getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
        Arrays.fill(padded, json.length, padded.length, (byte) ' ');
        if (padded.length > SafetensorsHeader.MAX_BYTES) {
            throw new IllegalArgumentException("header of " + padded.length + " bytes exceeds the format's limit of "
                    + SafetensorsHeader.MAX_BYTES);
        }
        return padded;
    }
}
