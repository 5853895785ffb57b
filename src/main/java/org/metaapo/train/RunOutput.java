package org.metaapo.train;

import java.io.IOException;
import java.nio.file.Path;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.FileFailures;
import org.metaapo.files.RunLock;
import org.metaapo.metrics.MetricsWriter;
import org.metaapo.ranks.Ranks;

/**
 * What a run writes into its folder. The leader of the ranks writes; the others, which make the same calls, learn how it went.
 *
 * @param folder the names in it
 */
record RunOutput(RunFolder folder, Ranks ranks) {
    /** Writes a file. */
    void write(Path file, String text) {
        ranks.lead(() -> folder.write(file, text));
    }

    /** Opens a file of lines and forgets what stands beyond {@code bytes}; lines are written without waiting for the others. */
    MetricsWriter lines(Path file, long bytes) {
        return ranks.agree(() -> ranks.leader() ? MetricsWriter.open(file, bytes) : MetricsWriter.silent());
    }

    /** Keeps other runs out of the folder; the lock, which is null on the others, is released by closing it. */
    RunLock lock() {
        return ranks.agree(() -> ranks.leader() ? RunLock.acquire(folder.path()) : null);
    }

    /** Deletes what killed processes left. */
    void deletePartials() {
        ranks.lead(() -> AtomicFiles.deletePartials(folder.path()));
    }

    /** Deletes a file or a folder with all that is in it, or throws. */
    void delete(Path path) {
        ranks.lead(() -> {
            try {
                AtomicFiles.deleteTree(path);
            } catch (IOException e) {
                throw FileFailures.writing(path, -1, e);
            }
        });
    }
}
