package org.metaapo.compare;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.RunFailedException;
import org.metaapo.train.StopSignal;

/**
 * Does tasks on some threads. A failure that can be told in a line ends its task alone, and the others go on; a stop or any
 * other failure ends them all, each with its checkpoint.
 */
final class Workers {
    private final int parallel;
    private final Board board;
    private final StopSignal stop;
    private final Map<String, MetaapoException> failures = new ConcurrentSkipListMap<>();
    private final AtomicReference<Throwable> fatal = new AtomicReference<>();

    Workers(int parallel, Board board, StopSignal stop) {
        this.parallel = parallel;
        this.board = board;
        this.stop = stop;
    }

    /**
     * A task and what needs its result.
     *
     * @param first comes before the others
     * @param then in any order; each may have others that need it in turn
     */
    record Stage(Task first, List<Stage> then) {
        /** A task that no other needs. */
        static Stage of(Task task) {
            return new Stage(task, List.of());
        }
    }

    /** What went wrong so far, by task. */
    Map<String, MetaapoException> failures() {
        return failures;
    }

    /**
     * Does all tasks.
     *
     * @throws InterruptedRunException after a stop
     */
    void run(List<Stage> stages) {
        ExecutorService pool = Executors.newFixedThreadPool(parallel);
        try {
            List<CompletableFuture<Void>> firsts = new ArrayList<>();
            List<CompletableFuture<Void>> others = Collections.synchronizedList(new ArrayList<>());
            // The first tasks of all stages queue before the others of any.
            CompletableFuture<Void> queued = new CompletableFuture<>();
            for (Stage stage : stages) {
                firsts.add(CompletableFuture.runAsync(() -> {
                    queued.join();
                    attempt(stage.first());
                    queue(stage, pool, others);
                }, pool));
            }
            queued.complete(null);
            firsts.forEach(CompletableFuture::join);
            // A task queues those that need it before it ends, so that the list has grown when it is waited for.
            for (int i = 0; i < others.size(); i++) {
                others.get(i).join();
            }
        } finally {
            pool.shutdown();
        }
        if (fatal.get() instanceof Error error) {
            throw error;
        }
        if (fatal.get() != null) {
            throw (RuntimeException) fatal.get();
        }
        if (stop.isRequested()) {
            throw new InterruptedRunException("stopped; what is finished is kept, and the same command goes on from here");
        }
    }

    /** From the stage's first task, so that the others queue in their order. */
    private void queue(Stage stage, ExecutorService pool, List<CompletableFuture<Void>> others) {
        for (Stage next : stage.then()) {
            others.add(CompletableFuture.runAsync(() -> {
                after(stage.first(), next.first());
                queue(next, pool, others);
            }, pool));
        }
    }

    private void after(Task first, Task task) {
        if (failures.containsKey(first.name())) {
            failures.put(task.name(), new RunFailedException(first.name() + " failed"));
            board.finish(task);
        } else {
            attempt(task);
        }
    }

    private void attempt(Task task) {
        if (stop.isRequested()) {
            return;
        }
        try {
            task.body().run(board.start(task));
        } catch (InterruptedRunException e) {
            // told once, when all tasks have stopped
        } catch (MetaapoException e) {
            failures.put(task.name(), e);
            board.note(task.name() + " failed: " + e.getMessage());
        } catch (RuntimeException | Error e) {
            fatal.compareAndSet(null, e);
            stop.request();
        } finally {
            board.finish(task);
        }
    }
}
