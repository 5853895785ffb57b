package org.metaapo.evaluate.judge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.metaapo.error.DataException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/**
 * Replies that were paid for: a JSON line each, appended to a file as soon as it comes. Several processes may use one file: whoever asks a
 * question holds a lock of its own for it, on a byte far beyond the file's end, which the system frees when the process ends. A line that a
 * killed process left half-written is cut off. Failures are never stored. Thread-safe.
 */
public final class ReplyCache implements AutoCloseable {
    /** Questions' bytes come after this one, which whoever appends holds. */
    private static final long APPEND = 1L << 61;

    private final Path file;
    private final FileChannel channel;
    private final Map<String, JudgeReply> replies = new HashMap<>();
    private final Map<String, FileLock> claims = new HashMap<>();
    private long read;

    private ReplyCache(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Opens a file, which is made where it is not there.
     *
     * @throws DataException if a line is damaged
     * @throws org.metaapo.error.RunFailedException if it cannot be written
     */
    public static ReplyCache open(Path file) {
        try {
            if (file.toAbsolutePath().getParent() != null) {
                AtomicFiles.makeFolders(file.toAbsolutePath().getParent());
            }
            ReplyCache cache = new ReplyCache(
                    file, FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE));
            try {
                cache.refresh();
            } catch (RuntimeException e) {
                cache.close();
                throw e;
            }
            return cache;
        } catch (IOException e) {
            throw FileFailures.writing(file, -1, e);
        }
    }

    /**
     * The questions that a file has replies to: none where it is not there. Nothing is written, no lock is taken.
     *
     * @throws DataException if a line is damaged
     */
    public static Set<String> keys(Path file) {
        Map<String, JudgeReply> replies = new HashMap<>();
        try {
            if (Files.exists(file)) {
                parse(Files.readAllBytes(file), file, 0, replies);
            }
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
        return replies.keySet();
    }

    /** The reply to a question, or null. */
    synchronized JudgeReply get(String key) {
        return replies.get(key);
    }

    /** Takes a question for this process. False where another has it, or has its reply by now: look again with {@link #get}, a little later. */
    synchronized boolean claim(String key) {
        try {
            FileLock lock = channel.tryLock(APPEND + 1 + Long.parseUnsignedLong(key.substring(0, 14), 16), 1, false);
            if (lock == null) {
                refresh();
                return false;
            }
            refresh();
            if (replies.containsKey(key)) {
                lock.release();
                return false;
            }
            claims.put(key, lock);
            return true;
        } catch (OverlappingFileLockException e) {
            // Another thread of this process asks a question that falls on the same byte.
            return false;
        } catch (IOException e) {
            throw FileFailures.writing(file, -1, e);
        }
    }

    /** Gives a question back that has no reply. */
    synchronized void release(String key) {
        FileLock lock = claims.remove(key);
        try {
            if (lock != null) {
                lock.release();
            }
        } catch (IOException e) {
            throw FileFailures.writing(file, -1, e);
        }
    }

    /** Stores the reply to a question that was claimed. */
    synchronized void add(String key, JudgeReply reply) {
        ObjectNode line = Json.mapper().createObjectNode().put("key", key);
        line.setAll(reply.json());
        try (FileLock append = lockToAppend()) {
            readOn();
            channel.position(read);
            AtomicFiles.writeFully(channel, ByteBuffer.wrap((Json.write(line) + "\n").getBytes(StandardCharsets.UTF_8)));
            channel.force(false);
            read = channel.position();
            replies.put(key, reply);
        } catch (IOException e) {
            throw FileFailures.writing(file, -1, e);
        } finally {
            release(key);
        }
    }

    private FileLock lockToAppend() throws IOException {
        return channel.lock(APPEND, 1, false);
    }

    /** Reads what others have appended. */
    private void refresh() {
        try (FileLock append = lockToAppend()) {
            readOn();
        } catch (OverlappingFileLockException e) {
            throw new DataException(file + ": open twice in this process; expected once");
        } catch (IOException e) {
            throw FileFailures.writing(file, -1, e);
        }
    }

    /** Under the lock nobody writes: a line without an end is of a process that was killed. */
    private void readOn() throws IOException {
        long size = channel.size();
        if (size <= read) {
            return;
        }
        ByteBuffer buffer = ByteBuffer.allocate(Math.toIntExact(size - read));
        while (buffer.hasRemaining() && channel.read(buffer, read + buffer.position()) >= 0) {
            // Until it is full.
        }
        int whole = parse(buffer.array(), file, read, replies);
        if (whole < buffer.capacity()) {
            channel.truncate(read + whole);
        }
        read += whole;
    }

    /** Takes the replies of whole lines, and tells how many bytes those are. */
    private static int parse(byte[] bytes, Path file, long start, Map<String, JudgeReply> replies) {
        int from = 0;
        for (int end = next(bytes, 0); end >= 0; end = next(bytes, from)) {
            String where = file + ", byte " + (start + from);
            JsonNode line = Json.parse(StrictText.decode(bytes, from, end - from, where, 1), where);
            JudgeReply reply = JudgeReply.of(line);
            if (!line.path("key").isTextual() || reply == null) {
                throw new DataException(where + ": no reply of a judge; delete this line, and it is asked for again");
            }
            replies.putIfAbsent(line.path("key").asText(), reply);
            from = end + 1;
        }
        return from;
    }

    private static int next(byte[] bytes, int from) {
        for (int i = from; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                return i;
            }
        }
        return -1;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw FileFailures.writing(file, -1, e);
        }
    }
}
