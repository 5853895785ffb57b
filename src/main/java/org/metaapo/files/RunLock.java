package org.metaapo.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.metaapo.error.RunFailedException;

/**
 * Keeps a second run out of a run directory, across processes and within one JVM. The lock is an operating-system lock on
 * the file {@code .lock} in that directory, so that a killed process leaves none behind; the file itself stays, and
 * holds the process id of its last owner.
 */
public final class RunLock implements AutoCloseable {
    /** Name of the lock file in the run directory. */
    public static final String FILE_NAME = ".lock";

    /**
     * Folders locked by this JVM. It has to be one set for the process, as the lock is: POSIX drops a process's lock on a
     * file when any descriptor of that file closes, so a second try from this JVM must not even open it.
     */
    private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

    private static final long TRY_AGAIN_NANOS = 200_000_000L;

    private final Path folder;
    private final FileChannel channel;
    private final AtomicBoolean closed = new AtomicBoolean();

    private RunLock(Path folder, FileChannel channel) {
        this.folder = folder;
        this.channel = channel;
    }

    /**
     * Locks a run directory, which is made when absent.
     *
     * @throws RunFailedException if another run holds it (the message names its process id), or it cannot be written
     */
    public static RunLock acquire(Path runFolder) {
        return acquire(runFolder, why -> {
            throw new RunFailedException(why + ": wait until it ends, stop it, or choose another output folder");
        });
    }

    /** Null after {@code inUse} has taken that another run holds it. */
    private static RunLock acquire(Path runFolder, Consumer<String> inUse) {
        Path folder;
        try {
            AtomicFiles.makeFolders(runFolder);
            folder = runFolder.toRealPath();
        } catch (IOException failure) {
            throw FileFailures.writing(runFolder, -1, failure);
        }
        if (!HELD_HERE.add(folder)) {
            inUse.accept(inUse(runFolder, Long.toString(ProcessHandle.current().pid())));
            return null;
        }
        FileChannel channel = null;
        boolean acquired = false;
        try {
            channel = FileChannel.open(
                    folder.resolve(FILE_NAME),
                    StandardOpenOption.CREATE,
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE);
            FileLock lock = channel.tryLock();
            if (lock == null) {
                inUse.accept(inUse(runFolder, readOwner(channel)));
                return null;
            }
            channel.truncate(0);
            String owner = Long.toString(ProcessHandle.current().pid());
            AtomicFiles.writeFully(channel, ByteBuffer.wrap(owner.getBytes(StandardCharsets.US_ASCII)));
            acquired = true;
            return new RunLock(folder, channel);
        } catch (IOException failure) {
            throw FileFailures.writing(runFolder.resolve(FILE_NAME), -1, failure);
        } finally {
            if (!acquired) {
                closeQuietly(channel);
                HELD_HERE.remove(folder);
            }
        }
    }

    /**
     * Locks a run directory as soon as no other run holds it.
     *
     * @param waiting is told before each further try who holds it, and may throw to end it
     */
    public static RunLock await(Path runFolder, Consumer<String> waiting) {
        RunLock lock = acquire(runFolder, waiting);
        while (lock == null) {
            LockSupport.parkNanos(TRY_AGAIN_NANOS);
            lock = acquire(runFolder, waiting);
        }
        return lock;
    }

    /** Releases the lock; calling it again does nothing. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            closeQuietly(channel);
            HELD_HERE.remove(folder);
        }
    }

    private static String inUse(Path folder, String owner) {
        return folder + ": in use by another run (process " + owner + ")";
    }

    private static String readOwner(FileChannel channel) throws IOException {
        ByteBuffer text = ByteBuffer.allocate(20);
        channel.read(text, 0);
        String owner = new String(text.array(), 0, text.position(), StandardCharsets.US_ASCII);
        return owner.matches("[0-9]+") ? owner : "unknown";
    }

    private static void closeQuietly(FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException ignored) {
            // Closing only releases the lock, and the end of the process does so too.
        }
    }
}
