package org.metaapo.tracking;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.OneLine;

/** Gives trackers what stands in a run's folder. */
public final class Export {
    private static final int LINES_A_FLUSH = 1000;
    private static final int TRIES = 5;
    private static final int SHOWN_CHARS = 300;

    private Export() {}

    /**
     * Gives all lines to each tracker.
     *
     * @param status how the run ended; null where it still runs
     * @return how many lines each was given
     * @throws RunFailedException if a tracker did not take them, after some tries
     */
    public static long run(Trackers trackers, RunInfo run, RunLog log, Tracker.Status status) {
        long lines = 0;
        for (Trackers.Opened one : trackers.all()) {
            lines = give(one, run, log, status);
        }
        return lines;
    }

    private static long give(Trackers.Opened one, RunInfo run, RunLog log, Tracker.Status status) {
        Tracker tracker = one.maker().get();
        long[] lines = {0};
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try {
            thread.setContextClassLoader(one.loader() == null ? before : one.loader());
            attempt(() -> tracker.start(run, -1));
            log.read(line -> {
                Feed.give(tracker, line);
                if (++lines[0] % LINES_A_FLUSH == 0) {
                    attempt(tracker::flush);
                }
            });
            attempt(tracker::flush);
            if (status != null) {
                attempt(() -> tracker.end(status));
            }
            return lines[0];
        } catch (RunFailedException e) {
            throw e;
        } catch (InterruptedException e) {
            thread.interrupt();
            throw new RunFailedException("tracker " + one.name() + ": interrupted", e);
        } catch (Exception | LinkageError e) {
            String why = e.getMessage() == null ? e.toString() : e.getMessage();
            throw new RunFailedException("tracker " + one.name() + ": " + OneLine.of(why, SHOWN_CHARS), e);
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    private interface Call {
        void run() throws Exception;
    }

    private static void attempt(Call call) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                call.run();
                return;
            } catch (IOException e) {
                if (attempt == TRIES || !(e instanceof BusyException busy)) {
                    throw e;
                }
                TimeUnit.MILLISECONDS.sleep(Math.min(60_000, Math.max(1000L << (attempt - 1), busy.waitMillis())));
            }
        }
    }
}
