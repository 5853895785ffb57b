package org.metaapo.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A run's trackers while it runs. None of the calls waits for a tracker, but the last one, for a bounded time. */
public final class Tracking {
    private static final long END_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Trackers trackers;
    private final Consumer<String> notes;
    private final List<TrackerThread> threads = new ArrayList<>();
    private final Queue<String> told = new ConcurrentLinkedQueue<>();
    private TrackedLine.Samples samples;

    /** {@code notes} takes lines for people, on the thread that calls. */
    public Tracking(Trackers trackers, Consumer<String> notes) {
        this.trackers = trackers;
        this.notes = notes;
    }

    /**
     * The run begins, or goes on.
     *
     * @param resumedAtStep see {@link Tracker#start}
     * @param log of the run's folder, as far as it holds
     */
    public void start(RunInfo run, long resumedAtStep, RunLog log) {
        samples = log.samples();
        for (Trackers.Opened one : trackers.all()) {
            threads.add(new TrackerThread(one.name(), one.maker(), one.loader(), run, resumedAtStep, log.bytes() == 0 ? null : log, told));
        }
    }

    /** A line was written. */
    public void line(JsonNode line) {
        if (!threads.isEmpty()) {
            TrackedLine tracked = TrackedLine.of(line, samples);
            if (tracked != null) {
                threads.forEach(thread -> thread.offer(tracked));
            }
            tell();
        }
    }

    /** A checkpoint was taken. */
    public void checkpoint() {
        threads.forEach(TrackerThread::wantFlush);
    }

    /** The run is over. */
    public void end(Tracker.Status status) {
        long deadline = System.nanoTime() + END_NANOS;
        threads.forEach(thread -> thread.end(status, deadline));
        try {
            for (TrackerThread thread : threads) {
                thread.await();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        threads.clear();
        tell();
    }

    private void tell() {
        for (String note = told.poll(); note != null; note = told.poll()) {
            notes.accept(note);
        }
    }
}
