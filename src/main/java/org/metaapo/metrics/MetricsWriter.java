package org.metaapo.metrics;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;

/** Appends lines to {@code metrics.jsonl}. A resumed run continues at the byte where its checkpoint was taken. */
public final class MetricsWriter implements AutoCloseable {
    private final Path path;
    private final FileChannel channel;

    /** {@code channel} is null where nothing is written. */
    private MetricsWriter(Path path, FileChannel channel) {
        this.path = path;
        this.channel = channel;
    }

    /** Opens the file and forgets what stands beyond {@code length} bytes. */
    public static MetricsWriter open(Path path, long length) {
        try {
            FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            channel.truncate(length);
            channel.position(channel.size());
            return new MetricsWriter(path, channel);
        } catch (IOException e) {
            throw FileFailures.writing(path, -1, e);
        }
    }

    /** One that writes nothing, of a rank that does not lead. */
    public static MetricsWriter silent() {
        return new MetricsWriter(null, null);
    }

    /** An empty line to fill. */
    public static ObjectNode line() {
        return Json.mapper().createObjectNode();
    }

    /** Writes one line. */
    public void write(ObjectNode line) {
        if (channel == null) {
            return;
        }
        try {
            AtomicFiles.writeFully(channel, ByteBuffer.wrap((Json.write(line) + "\n").getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw FileFailures.writing(path, -1, e);
        }
    }

    /** Bytes written, safely on the disk. */
    public long sync() {
        if (channel == null) {
            return 0;
        }
        try {
            channel.force(true);
            return channel.position();
        } catch (IOException e) {
            throw FileFailures.writing(path, -1, e);
        }
    }

    @Override
    public void close() {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            throw FileFailures.writing(path, -1, e);
        }
    }
}
