package org.metaapo.reward;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Digests;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/**
 * Scores that were paid for, by content, and what they cost: one JSON line a reply, appended to a file. A line that a killed
 * process left half-written is cut off when the file is opened again. Used by one thread.
 */
final class ScoreCache implements AutoCloseable {
    private static final int SOURCE_DIGITS = 16;
    private static final long SYNC_NANOS = 1_000_000_000L;

    private final Path file;
    private final String source;
    private final FileChannel channel;
    private final Map<String, Double> scores = new HashMap<>();
    private AnnotationCosts costs = AnnotationCosts.NONE;
    private long synced = System.nanoTime();

    private ScoreCache(Path file, String source, FileChannel channel) {
        this.file = file;
        this.source = source;
        this.channel = channel;
    }

    /**
     * Opens a cache.
     *
     * @param file made where it is not there; null to keep scores in memory alone
     * @param identity of the source; costs of other sources in the same file are not this one's
     * @throws DataException if a line before the last is damaged
     * @throws RunFailedException if another process uses the file, or it cannot be written
     */
    static ScoreCache open(Path file, String identity) {
        String source = Digests.sha256(identity.getBytes(StandardCharsets.UTF_8)).substring(0, SOURCE_DIGITS);
        if (file == null) {
            return new ScoreCache(null, source, null);
        }
        FileChannel channel = null;
        try {
            if (file.toAbsolutePath().getParent() != null) {
                AtomicFiles.makeFolders(file.toAbsolutePath().getParent());
            }
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            lock(file, channel);
            ScoreCache cache = new ScoreCache(file, source, channel);
            cache.load();
            return cache;
        } catch (IOException e) {
            closeQuietly(channel);
            throw FileFailures.writing(file, -1, e);
        } catch (RuntimeException e) {
            closeQuietly(channel);
            throw e;
        }
    }

    private static void lock(Path file, FileChannel channel) throws IOException {
        try {
            if (channel.tryLock() != null) {
                return;
            }
        } catch (OverlappingFileLockException e) {
            // Held by this process: as much in use as by another.
        }
        throw new RunFailedException(file + ": in use by another process: wait until it ends, or choose another file");
    }

    private void load() throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        int from = 0;
        for (int line = 1; from < bytes.length; line++) {
            int end = from;
            while (end < bytes.length && bytes[end] != '\n') {
                end++;
            }
            boolean last = end + 1 >= bytes.length;
            if (end == bytes.length) {
                break;
            }
            try {
                read(Json.parse(StrictText.decode(bytes, from, end - from, file.toString(), line), file.toString(), line), line);
            } catch (DataException e) {
                if (last) {
                    break;
                }
                throw new DataException(e.getMessage() + "; delete this line, and its scores are asked for again", e);
            }
            from = end + 1;
        }
        channel.truncate(from);
        channel.position(from);
    }

    private void read(JsonNode line, int number) {
        if (!line.isObject() || !line.path("source").isTextual() || !line.path("scores").isObject()) {
            throw new DataException(file + ", line " + number + ": expected an object with source and scores, found " + Json.describe(line));
        }
        boolean own = line.path("source").asText().equals(source);
        long received = 0;
        for (Map.Entry<String, JsonNode> entry : line.path("scores").properties()) {
            if (!entry.getValue().isNumber() || !Double.isFinite(entry.getValue().asDouble())) {
                throw new DataException(file + ", line " + number + ": expected a number, found " + Json.describe(entry.getValue()));
            }
            if (own && scores.putIfAbsent(entry.getKey(), entry.getValue().asDouble()) == null) {
                received++;
            }
        }
        if (own) {
            costs = costs.plus(new AnnotationCosts(
                    line.path("calls").asLong(), line.path("failures").asLong(), line.path("prompt_tokens").asLong(),
                    line.path("completion_tokens").asLong(), received, 0));
        }
    }

    /** The score of a question, or null. */
    Double get(String key) {
        return scores.get(key);
    }

    /** Appends a reply's scores, with the costs since the last line; both may be empty. */
    void add(Map<String, Double> replies, AnnotationCosts more) {
        if (replies.isEmpty() && more.equals(AnnotationCosts.NONE)) {
            return;
        }
        scores.putAll(replies);
        costs = costs.plus(more).plus(new AnnotationCosts(0, 0, 0, 0, replies.size(), 0));
        if (channel == null) {
            return;
        }
        ObjectNode line = Json.mapper().createObjectNode().put("source", source);
        line.put("calls", more.calls()).put("failures", more.failures());
        line.put("prompt_tokens", more.promptTokens()).put("completion_tokens", more.completionTokens());
        ObjectNode values = line.putObject("scores");
        replies.forEach(values::put);
        try {
            AtomicFiles.writeFully(channel, ByteBuffer.wrap((Json.write(line) + "\n").getBytes(StandardCharsets.UTF_8)));
            if (System.nanoTime() - synced > SYNC_NANOS) {
                channel.force(false);
                synced = System.nanoTime();
            }
        } catch (IOException e) {
            throw FileFailures.writing(file, -1, e);
        }
    }

    /** Counts scores that are wanted. */
    void wanted(long count) {
        costs = costs.plus(new AnnotationCosts(0, 0, 0, 0, 0, count));
    }

    /** All costs of this source in the file. */
    AnnotationCosts costs() {
        return costs;
    }

    @Override
    public void close() {
        if (channel == null || !channel.isOpen()) {
            return;
        }
        try {
            channel.force(true);
            channel.close();
        } catch (IOException e) {
            throw FileFailures.writing(file, -1, e);
        }
    }

    private static void closeQuietly(FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // The failure that led here is the one to tell.
        }
    }
}
