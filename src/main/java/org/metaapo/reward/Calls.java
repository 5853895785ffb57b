package org.metaapo.reward;

import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.metaapo.error.InterruptedRunException;

/** Runs calls on threads of their own, some at once, while the caller's thread keeps watch. */
public final class Calls {
    private static final long WATCH_MILLIS = 100;
    /** Calls that are under way when the work ends may finish within this time: what is paid is kept. */
    private static final long GRACE_NANOS = 1_000_000_000L;

    private Calls() {}

    /** The call of a number. */
    public interface Call<T> {
        T run(int index) throws InterruptedException;
    }

    /**
     * Makes calls 0 to count − 1.
     *
     * @param parallel calls at once
     * @param done gets each result, on the caller's thread, in the order of completion
     * @param watch is called several times a second; what it throws ends the work
     * @param end is called once, after a failure or a stop, so that calls under way do not try again
     * @param abort ends calls that do not heed an interrupt
     * @throws RuntimeException the first failure of a call, or what the watch threw
     */
    public static <T> void run(int count, int parallel, Call<T> call, Consumer<T> done, Runnable watch, Runnable end, Runnable abort) {
        ExecutorService pool = Executors.newFixedThreadPool(Math.max(1, Math.min(parallel, count)), work -> {
            Thread thread = new Thread(work, "annotation");
            thread.setDaemon(true);
            return thread;
        });
        CompletionService<T> finished = new ExecutorCompletionService<>(pool);
        int started = 0;
        int ended = 0;
        try {
            while (ended < count) {
                while (started < count && started - ended < parallel) {
                    int index = started++;
                    finished.submit(() -> call.run(index));
                }
                Future<T> one = poll(finished, WATCH_MILLIS);
                if (one != null) {
                    ended++;
                    done.accept(result(one));
                }
                watch.run();
            }
        } catch (RuntimeException failure) {
            end.run();
            finish(finished, started - ended, done);
            throw failure;
        } finally {
            pool.shutdownNow();
            if (ended < started) {
                abort.run();
            }
        }
    }

    /** Takes results that still come within the time of grace; a failure among them is not the first. */
    private static <T> void finish(CompletionService<T> finished, int underWay, Consumer<T> done) {
        long until = System.nanoTime() + GRACE_NANOS;
        for (int left = underWay; left > 0; left--) {
            Future<T> one = poll(finished, Math.max(0, (until - System.nanoTime()) / 1_000_000));
            if (one == null) {
                return;
            }
            try {
                done.accept(result(one));
            } catch (RuntimeException alsoFailed) {
                // The first failure is the one to tell.
            }
        }
    }

    private static <T> Future<T> poll(CompletionService<T> finished, long millis) {
        try {
            return finished.poll(millis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private static <T> T result(Future<T> one) {
        try {
            return one.get();
        } catch (InterruptedException e) {
            throw interrupted(e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    private static InterruptedRunException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new InterruptedRunException("interrupted while waiting for replies", e);
    }
}
