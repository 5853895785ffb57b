package org.metaapo.compare;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import org.metaapo.files.FileFailures;
import org.metaapo.train.RunListener;

/** Adds the progress of tasks that run at once up to one; what they have to say goes into a log file. */
final class Board {
    private static final int UNITS = 1000;
    private static final int PERCENT = 100;

    private final RunListener listener;
    private final Path log;
    private final long total;
    private final Map<String, Long> running = new LinkedHashMap<>();
    private long done;

    /** {@code total} and {@code done} are sums of tasks' work. */
    Board(RunListener listener, Path log, long total, long done) {
        this.listener = listener;
        this.log = log;
        this.total = total * UNITS;
        this.done = done * UNITS;
    }

    synchronized void begin() {
        listener.begin("comparing (%)", PERCENT);
        show();
    }

    synchronized void end() {
        listener.end();
    }

    /** A line for people. */
    synchronized void note(String line) {
        listener.note(line);
    }

    /** The listener of a task that starts now. */
    RunListener start(Task task) {
        synchronized (this) {
            running.put(task.name(), 0L);
        }
        return new RunListener() {
            private double phaseTotal;
            private boolean training;
            private long last;
            private int finished;

            @Override
            public void note(String line) {
                write(task.name() + ": " + line);
            }

            @Override
            public void begin(String phase, long units) {
                training = phase.equals("training");
                phaseTotal = units;
            }

            @Override
            public void progress(long at, String detail) {
                // Sampling and scoring come between the steps, so that the steps alone tell how far a run is.
                if (!training || phaseTotal <= 0) {
                    return;
                }
                finished += at < last ? 1 : 0;
                last = at;
                advance(task, Math.round(UNITS * task.work() * Math.min(1, (finished + at / phaseTotal) / task.runs())));
            }
        };
    }

    private synchronized void advance(Task task, long units) {
        running.put(task.name(), units);
        show();
    }

    /** A task is over, whatever came of it. */
    synchronized void finish(Task task) {
        running.remove(task.name());
        done += task.isDone() ? 0 : (long) UNITS * task.work();
        show();
    }

    private void show() {
        long at = done + running.values().stream().mapToLong(Long::longValue).sum();
        listener.progress(total == 0 ? PERCENT : Math.min(PERCENT, PERCENT * at / total), String.join("; ", running.keySet()));
    }

    private synchronized void write(String line) {
        try {
            Files.writeString(log, line + "\n", StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (java.io.IOException e) {
            throw FileFailures.writing(log, -1, e);
        }
    }
}
