package org.metaapo.reward;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.metaapo.config.UserClass;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.OneLine;

/** A user's {@link RewardFunction}. It runs on a thread of its own, so that a call that never returns does not hold up the run's end. */
final class ClassService implements QuestionSource {
    private static final int SHOWN_CHARS = 300;

    private final String className;
    private final Duration timeout;
    private final UserClass<RewardFunction> type;
    private final ExecutorService thread;
    private RewardFunction function;

    /**
     * Loads the class; it is instantiated by the first question.
     *
     * @param classPath jars and folders of classes, beside metaapo's own class path
     * @param timeout of one call
     * @throws org.metaapo.error.UsageException if there is no such class, or it is no RewardFunction with a public constructor
     *     without parameters
     */
    ClassService(String className, List<Path> classPath, Duration timeout) {
        this.className = className;
        this.timeout = timeout;
        this.type = UserClass.load("reward.class", className, "reward.class_path", classPath, RewardFunction.class);
        this.thread = Executors.newSingleThreadExecutor(work -> {
            Thread own = new Thread(work, "reward class");
            own.setDaemon(true);
            own.setContextClassLoader(type.loader());
            return own;
        });
    }

    @Override
    public String name() {
        return "reward class " + className;
    }

    /** With the content of the class path: another version of the class is another source. */
    @Override
    public String identity() {
        return type.identity();
    }

    @Override
    public double[] answer(List<Question> questions, CallLog log) throws InterruptedException {
        List<Double> scores = new ArrayList<>();
        for (ServiceJson.Item item : ServiceJson.items(questions)) {
            log.sent();
            try {
                double[] own = call(() -> function().score(item.prompt().conversation().turns(), List.copyOf(item.answers())));
                check(own, item);
                for (double score : own) {
                    scores.add(score);
                }
            } catch (DataException | RunFailedException e) {
                log.failed();
                throw e;
            }
        }
        return scores.stream().mapToDouble(Double::doubleValue).toArray();
    }

    private void check(double[] scores, ServiceJson.Item item) {
        String place = name() + ", prompt \"" + Question.start(item.prompt()) + "\": ";
        if (scores == null || scores.length != item.answers().size()) {
            throw new DataException(place + "expected " + item.answers().size() + " scores, found " + (scores == null ? "null" : scores.length));
        }
        for (double score : scores) {
            if (!Double.isFinite(score)) {
                throw new DataException(place + "a score is " + score + "; expected a finite number");
            }
        }
    }

    private RewardFunction function() {
        if (function == null) {
            function = type.instantiate();
        }
        return function;
    }

    private <T> T call(Callable<T> work) throws InterruptedException {
        Future<T> result = thread.submit(work);
        try {
            return result.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new RunFailedException(name() + ": no scores within " + HttpCaller.seconds(timeout, Settings.REWARD), e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            if (cause instanceof RunFailedException failed) {
                throw failed;
            }
            if (cause instanceof VirtualMachineError error) {
                throw error;
            }
            throw new RunFailedException(name() + ": threw " + OneLine.of(cause.toString(), SHOWN_CHARS), cause);
        } finally {
            result.cancel(true);
        }
    }

    @Override
    public void close() {
        try {
            if (function != null) {
                call(() -> {
                    function.close();
                    return null;
                });
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            thread.shutdownNow();
            type.close();
        }
    }
}
