package org.metaapo.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Files that must not outlive this process: unfinished ones under their temporary names, and temporary copies. What ends the process
 * before its time deletes them first. It is one set for the process, for a signal ends all of it.
 */
public final class Unfinished {
    private static final Set<Path> FILES = new LinkedHashSet<>();

    private Unfinished() {}

    /** What makes a file a finished one. */
    @FunctionalInterface
    interface Commit {
        void run() throws IOException;
    }

    /** Notes a file or folder that is about to be made. */
    public static synchronized void add(Path file) {
        FILES.add(file);
    }

    /** An empty temporary file; who is done with it deletes it and {@link #remove forgets} it. */
    public static synchronized Path temporary(String prefix, String suffix) throws IOException {
        Path file = Files.createTempFile(prefix, suffix);
        FILES.add(file);
        return file;
    }

    /** Forgets one that was deleted, or may stay. */
    public static synchronized void remove(Path file) {
        FILES.remove(file);
    }

    /** Gives a file its final name, undisturbed by {@link #end}. */
    static synchronized void commit(Path file, Commit commit) throws IOException {
        commit.run();
        FILES.remove(file);
    }

    /** Deletes all of them, then does {@code last}; until that returns, no file is begun or finished. */
    public static synchronized void end(Runnable last) {
        for (Path file : FILES) {
            AtomicFiles.deleteQuietly(file);
        }
        FILES.clear();
        last.run();
    }
}
