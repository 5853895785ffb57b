package org.metaapo.data;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.metaapo.error.InterruptedRunException;

/**
 * Runs a function over items on several threads and hands the results on, on the caller's thread, in the order of the items: what
 * comes out does not depend on the number of threads. Few items are held at a time.
 */
final class OrderedWork<A, B> implements AutoCloseable {
    private static final long BATCH_BYTES = 256 << 10;
    private static final int BATCH_ITEMS = 64;
    private static final long WAITING_BYTES = 48L << 20;

    private final Function<A, B> work;
    private final Consumer<B> sink;
    private final int batchesWaiting;
    private final ExecutorService pool;
    private final ArrayDeque<Batch<B>> waiting = new ArrayDeque<>();
    private List<A> batch = new ArrayList<>();
    private long batchBytes;
    private long waitingBytes;

    private record Batch<B>(Future<List<B>> results, long bytes) {}

    /** With {@code threads} of 1 all work is done by the caller, at once. */
    OrderedWork(int threads, Function<A, B> work, Consumer<B> sink) {
        this.work = work;
        this.sink = sink;
        this.batchesWaiting = 4 * threads;
        this.pool = threads == 1 ? null : Executors.newFixedThreadPool(threads, task -> {
            Thread thread = new Thread(task, "data");
            thread.setDaemon(true);
            return thread;
        });
    }

    /** Takes an item of about {@code bytes}; hands finished results on meanwhile. */
    void add(A item, long bytes) {
        if (pool == null) {
            sink.accept(work.apply(item));
            return;
        }
        batch.add(item);
        batchBytes += bytes;
        if (batchBytes >= BATCH_BYTES || batch.size() >= BATCH_ITEMS) {
            submit();
        }
    }

    private void submit() {
        List<A> items = batch;
        waiting.add(new Batch<>(pool.submit(() -> items.stream().map(work).toList()), batchBytes));
        waitingBytes += batchBytes;
        batch = new ArrayList<>();
        batchBytes = 0;
        while (waiting.size() > batchesWaiting || waitingBytes > WAITING_BYTES) {
            take();
        }
    }

    private void take() {
        Batch<B> first = waiting.remove();
        waitingBytes -= first.bytes();
        try {
            first.results().get().forEach(sink);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedRunException("stopped while data were read");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) e.getCause();
        }
    }

    /** Waits for all that was added. */
    void finish() {
        if (!batch.isEmpty()) {
            submit();
        }
        while (!waiting.isEmpty()) {
            take();
        }
    }

    /** Ends the threads and waits until they have: what they work with may be closed next. What was not handed on is lost. */
    @Override
    public void close() {
        if (pool == null) {
            return;
        }
        pool.shutdownNow();
        boolean interrupted = false;
        for (boolean ended = false; !ended; ) {
            try {
                ended = pool.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
