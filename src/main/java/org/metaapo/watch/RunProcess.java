package org.metaapo.watch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.metaapo.files.RunLock;

/**
 * Whether a process of this machine works on a run, by the system's table of locks. The lock file itself is never opened: a process that
 * closes a file gives up its own locks on it, and this one may be the run's.
 */
final class RunProcess {
    private static final Path LOCKS = Path.of("/proc/locks");

    private final Path lock;

    RunProcess(Path folder) {
        this.lock = folder.resolve(RunLock.FILE_NAME);
    }

    /** Whether one does; false too where the system does not tell. */
    boolean isAlive() {
        try {
            String inode = ":" + Files.getAttribute(lock, "unix:ino");
            List<String> locks = Files.readAllLines(LOCKS);
            // "1: POSIX ADVISORY WRITE 4711 08:01:131 0 EOF"; one that waits for a lock has "->".
            return locks.stream().map(line -> line.trim().split("\\s+"))
                    .anyMatch(words -> words.length > 5 && words[1].equals("POSIX") && words[5].endsWith(inode));
        } catch (IOException | IllegalArgumentException | UnsupportedOperationException e) {
            return false;
        }
    }
}
