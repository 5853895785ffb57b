package org.metaapo.tracking;

import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.metaapo.files.OneLine;

/**
 * Serves a tracker on a thread of its own: takes lines off a bounded queue, flushes every few seconds, tries again after failures with
 * growing pauses, and counts what is lost. The run's thread never waits for it but at the run's end, for a bounded time.
 */
final class TrackerThread {
    /** Lines that wait. */
    static final int CAPACITY = 10_000;
    /** Lines of the past that are given before a flush. */
    private static final long MOST_UNSAFE = 1000;
    private static final long FLUSH_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long FIRST_PAUSE_MILLIS = 1000;
    private static final long LONGEST_PAUSE_MILLIS = 60_000;
    private static final int SHOWN_CHARS = 300;

    private final String name;
    private final Supplier<Tracker> maker;
    private final RunInfo run;
    private final Queue<String> notes;
    private final BlockingQueue<TrackedLine> queue = new ArrayBlockingQueue<>(CAPACITY);
    private final Thread thread;

    /** Of the thread alone. */
    private Tracker tracker;

    /** Guards what follows; its waiters are a pause and the wait for a line. */
    private final Object lock = new Object();
    private boolean flushWanted;
    private Tracker.Status ending;
    private long deadline = Long.MAX_VALUE;
    private long given;
    private long lost;
    /** Lines that the tracker has and has not yet flushed. */
    private long unsafe;
    private String failure;
    private boolean isOver;
    private long lastFlush = System.nanoTime();

    /**
     * Starts the thread.
     *
     * @param name of the tracker, for messages
     * @param maker makes the tracker
     * @param loader of the tracker's class; null for metaapo's own
     * @param kept lines that stand in the run's folder already; null for none
     * @param notes takes what people should know, for the run's thread to tell
     */
    TrackerThread(
            String name, Supplier<Tracker> maker, ClassLoader loader, RunInfo run, long resumedAtStep, RunLog kept, Queue<String> notes) {
        this.name = name;
        this.maker = maker;
        this.run = run;
        this.notes = notes;
        this.thread = new Thread(() -> serve(resumedAtStep, kept), "tracker " + name);
        thread.setDaemon(true);
        if (loader != null) {
            thread.setContextClassLoader(loader);
        }
        thread.start();
    }

    /** Takes a line, or counts it as lost; returns at once. */
    void offer(TrackedLine line) {
        synchronized (lock) {
            given++;
            if (isOver || !queue.offer(line)) {
                lost++;
            } else {
                lock.notifyAll();
            }
        }
    }

    /** What was given is to be safe soon; returns at once. */
    void wantFlush() {
        synchronized (lock) {
            flushWanted = true;
            lock.notifyAll();
        }
    }

    /** The run is over; by the deadline, of {@link System#nanoTime}, the tracker has to be done. */
    void end(Tracker.Status status, long by) {
        synchronized (lock) {
            ending = status;
            deadline = by;
            lock.notifyAll();
        }
    }

    /** Waits until the tracker is done, or its time is over; then says what was lost. */
    void await() throws InterruptedException {
        while (thread.isAlive() && System.nanoTime() < deadline) {
            TimeUnit.NANOSECONDS.timedJoin(thread, Math.max(1, deadline - System.nanoTime()));
        }
        thread.interrupt();
        synchronized (lock) {
            if (!isOver) {
                lost += unsafe + queue.size();
                isOver = true;
                failure = failure == null ? "it was not done in time" : failure;
            }
            if (lost > 0) {
                notes.add("tracker " + name + ": " + lost + " of " + given + " lines did not arrive (" + failure + "); metaapo export "
                        + run.folder() + " --tracker '" + name + "' sends them");
            }
        }
    }

    private void serve(long resumedAtStep, RunLog kept) {
        try {
            tracker = maker.get();
            boolean isWell = attempt(() -> tracker.start(run, resumedAtStep)) && giveKept(kept);
            while (isWell) {
                TrackedLine line = next();
                if (line != null) {
                    give(line);
                }
                if (isFlushDue()) {
                    isWell = attempt(this::flush);
                }
                if (line == null && isEnding()) {
                    isWell = attempt(this::flush) && attempt(() -> tracker.end(ending));
                    break;
                }
            }
            finish();
        } catch (InterruptedException e) {
            // The run is over and waits no more.
        } catch (Throwable e) {
            // Whatever a tracker does, the run goes on.
            failed(e, false);
            finish();
        }
    }

    private boolean giveKept(RunLog kept) throws Exception {
        boolean[] isWell = {true};
        if (kept != null && tracker instanceof Backfilled backfilled) {
            kept.read(line -> {
                if (isWell[0] && line.step() >= backfilled.firstStep()) {
                    synchronized (lock) {
                        given++;
                    }
                    give(line);
                    isWell[0] = unsafe() < MOST_UNSAFE || attempt(this::flush);
                }
            });
        }
        return isWell[0];
    }

    private long unsafe() {
        synchronized (lock) {
            return unsafe;
        }
    }

    /** The next line; null where none comes before a flush is due or the run's end. */
    private TrackedLine next() throws InterruptedException {
        synchronized (lock) {
            while (queue.isEmpty() && ending == null && !isFlushDue()) {
                long left = FLUSH_NANOS - (System.nanoTime() - lastFlush);
                // Where nothing is to be flushed, a line wakes.
                TimeUnit.NANOSECONDS.timedWait(lock, unsafe > 0 ? Math.max(1_000_000, left) : FLUSH_NANOS);
            }
            return queue.poll();
        }
    }

    private boolean isFlushDue() {
        synchronized (lock) {
            return unsafe > 0 && (flushWanted || System.nanoTime() - lastFlush >= FLUSH_NANOS);
        }
    }

    private boolean isEnding() {
        synchronized (lock) {
            return ending != null && queue.isEmpty();
        }
    }

    private void give(TrackedLine line) throws InterruptedException {
        synchronized (lock) {
            unsafe++;
        }
        try {
            Feed.give(tracker, line);
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception | LinkageError e) {
            failed(e, false);
            synchronized (lock) {
                unsafe--;
                lost++;
            }
        }
    }

    private void flush() throws Exception {
        synchronized (lock) {
            flushWanted = false;
        }
        tracker.flush();
        synchronized (lock) {
            unsafe = 0;
            lastFlush = System.nanoTime();
        }
    }

    private interface Call {
        void run() throws Exception;
    }

    /** Makes a call until it succeeds; false where it was refused, or the time was over. */
    private boolean attempt(Call call) throws InterruptedException {
        long pause = FIRST_PAUSE_MILLIS;
        while (true) {
            try {
                call.run();
                return true;
            } catch (InterruptedException e) {
                throw e;
            } catch (RefusedException e) {
                failed(e, false);
                return false;
            } catch (Exception | LinkageError e) {
                failed(e, true);
                long asked = e instanceof BusyException busy ? busy.waitMillis() : 0;
                if (!pause(Math.min(LONGEST_PAUSE_MILLIS, Math.max(pause, asked)))) {
                    return false;
                }
                pause = Math.min(LONGEST_PAUSE_MILLIS, 2 * pause);
            }
        }
    }

    /** Waits; after the run's end for a second at most. False where no time is left. */
    private boolean pause(long millis) throws InterruptedException {
        long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        synchronized (lock) {
            boolean wasEnding = ending != null;
            long most = wasEnding ? Math.min(until, System.nanoTime() + TimeUnit.SECONDS.toNanos(1)) : until;
            while (System.nanoTime() < most && (ending == null || wasEnding)) {
                TimeUnit.NANOSECONDS.timedWait(lock, Math.max(1_000_000, most - System.nanoTime()));
            }
            return System.nanoTime() < deadline;
        }
    }

    private void failed(Throwable e, boolean isTriedAgain) {
        String why = OneLine.of(e.getMessage() == null || e.getMessage().isBlank() ? e.toString() : e.getMessage(), SHOWN_CHARS);
        synchronized (lock) {
            if (failure == null) {
                notes.add("tracker " + name + ": " + why + "; the run goes on" + (isTriedAgain ? ", and it is tried again" : ""));
            }
            failure = why;
        }
    }

    /** What is still here is lost, and so is what comes. */
    private void finish() {
        synchronized (lock) {
            lost += unsafe + queue.size();
            unsafe = 0;
            queue.clear();
            isOver = true;
        }
    }
}
