package org.metaapo.jobs;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.metaapo.config.RunConfig;
import org.metaapo.config.TrackerKeys;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.RunLock;
import org.metaapo.tracking.Export;
import org.metaapo.tracking.RunInfo;
import org.metaapo.tracking.RunLog;
import org.metaapo.tracking.Tracker;
import org.metaapo.tracking.Trackers;
import org.metaapo.train.RunFolder;

/** Shows a run's folder, finished or not, by trackers. */
public final class ExportJob {
    private ExportJob() {}

    /**
     * Gives the trackers of {@code asked} what stands in the folder.
     *
     * @return how many lines each was given
     * @throws DataException if the folder holds no run
     */
    public static long run(RunFolder folder, RunConfig asked, Map<String, String> environment) {
        if (!Files.isRegularFile(folder.metrics())) {
            throw new DataException(folder.path() + ": no metrics.jsonl; expected the folder of a run");
        }
        RunConfig config = config(folder);
        RunInfo run = config == null ? RunInfo.of(folder.path()) : RunInfo.of(folder.path(), config);
        try (Trackers trackers = Trackers.open(asked, new Trackers.Places(folder.tensorboard(), folder.trackers()), environment, true);
                RunLock lock = lock(folder)) {
            boolean isRunning = lock == null;
            if (isRunning && config != null && has(config) && has(asked)) {
                throw new RunFailedException(folder.path() + ": runs, and writes TensorBoard's files itself; export them when it has ended");
            }
            Tracker.Status ended = folder.end() != null ? Tracker.Status.FINISHED : Tracker.Status.STOPPED;
            return Export.run(trackers, run, new RunLog(folder.metrics(), Files.size(folder.metrics()), folder::samples), isRunning ? null : ended);
        } catch (IOException e) {
            throw FileFailures.reading(folder.metrics(), e);
        }
    }

    private static boolean has(RunConfig config) {
        return TrackerKeys.items(config).stream().anyMatch(item -> item.name().equals(TrackerKeys.TENSORBOARD));
    }

    /** Null where the run's folder has none that can be read, such as one of an older release. */
    private static RunConfig config(RunFolder folder) {
        try {
            return Files.isRegularFile(folder.config()) ? RunConfig.load(folder.config(), List.of()) : null;
        } catch (UsageException e) {
            return null;
        }
    }

    /** Keeps the run from going on meanwhile; null where it runs. */
    private static RunLock lock(RunFolder folder) {
        try {
            return RunLock.acquire(folder.path());
        } catch (RunFailedException e) {
            return null;
        }
    }
}
