package org.metaapo.tracking;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Event files in the run's folder, one a process. A run that goes on writes the next file; its first event has readers forget what earlier
 * files hold of the checkpoint's step and later, and the lines of that step which still hold are written again, so that no step is there
 * twice: an evaluation after the checkpoint has its step.
 */
final class TensorBoardTracker implements Backfilled {
    private static final int BINS = 20;

    private final Path folder;
    private EventFile file;
    private long firstStep;
    private Set<Long> textSteps = Set.of();

    /** {@code folder} is for the event files of this run alone. */
    TensorBoardTracker(Path folder) {
        this.folder = folder;
    }

    @Override
    public void start(RunInfo run, long resumedAtStep) throws IOException {
        closeQuietly();
        if (resumedAtStep < 0) {
            // Of a run that had come to no checkpoint, or of an earlier export.
            for (Path old : EventFile.files(folder)) {
                Files.delete(old);
            }
        }
        boolean goesOn = !EventFile.files(folder).isEmpty();
        double now = System.currentTimeMillis() * 1e-3;
        firstStep = goesOn ? resumedAtStep : 0;
        textSteps = goesOn ? TextSteps.of(folder, Feed.SAMPLES) : Set.of();
        EventFile next = EventFile.next(folder, now);
        // Before anything else is written: a failure has this made again.
        file = next;
        // A reader takes the first in a folder for no restart, so that there has to be one from the beginning.
        next.write(Events.sessionStart(now, firstStep));
        if (!goesOn) {
            next.write(Events.experiment(now, run.config(), compared(run)));
            next.write(Events.sessionStartInfo(now, run.config(), run.folder().toAbsolutePath().normalize().toString()));
        }
    }

    private static List<String> compared(RunInfo run) {
        return switch (String.valueOf(run.config().get("recipe"))) {
            case "sft" -> List.of("train/loss", "eval/loss");
            case "reward-model" -> List.of("train/loss", "train/accuracy", "eval/loss", "eval/accuracy");
            default -> List.of("train/loss", "train/rewards/margins", "train/rewards/accuracies", "train/kl", "eval/loss", "eval/rewards/accuracies");
        };
    }

    @Override
    public long firstStep() {
        return firstStep;
    }

    @Override
    public void log(long step, double time, Map<String, Double> values) throws IOException {
        file.write(Events.scalars(time, step, values));
    }

    @Override
    public void text(long step, double time, String tag, String markdown) throws IOException {
        if (!textSteps.contains(step)) {
            file.write(Events.text(time, step, tag, markdown));
        }
    }

    @Override
    public void histogram(long step, double time, String tag, double[] values) throws IOException {
        double low = Math.min(0, Arrays.stream(values).min().orElse(0));
        double high = Math.max(1, Arrays.stream(values).max().orElse(1));
        file.write(Events.histogram(time, step, tag, values, low, high, BINS));
    }

    @Override
    public void flush() throws IOException {
        file.force();
    }

    @Override
    public void end(Status status) throws IOException {
        // A reader keeps the first status it meets: that of a run which may go on must not be there.
        if (status == Status.FINISHED) {
            file.write(Events.sessionEndInfo(System.currentTimeMillis() * 1e-3, 1));
        }
        file.force();
        file.close();
    }

    private void closeQuietly() {
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                // It is written anew.
            }
        }
    }
}
