package org.metaapo.reward;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
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
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Digests;
import org.metaapo.files.FileFailures;

/** A user's {@link RewardFunction}. It runs on a thread of its own, so that a call that never returns does not hold up the run's end. */
final class ClassService implements QuestionSource {
    private static final int SHOWN_CHARS = 300;

    private final String className;
    private final List<Path> classPath;
    private final Duration timeout;
    private final URLClassLoader loader;
    private final Class<? extends RewardFunction> type;
    private final ExecutorService thread;
    private RewardFunction function;

    /**
     * Loads the class; it is instantiated by the first question.
     *
     * @param classPath jars and folders of classes, beside metaapo's own class path
     * @param timeout of one call
     * @throws UsageException if there is no such class, or it is no RewardFunction with a public constructor without parameters
     */
    ClassService(String className, List<Path> classPath, Duration timeout) {
        this.className = className;
        this.classPath = List.copyOf(classPath);
        this.timeout = timeout;
        this.loader = new URLClassLoader(classPath.stream().map(ClassService::url).toArray(URL[]::new), getClass().getClassLoader());
        this.type = load();
        this.thread = Executors.newSingleThreadExecutor(work -> {
            Thread own = new Thread(work, "reward class");
            own.setDaemon(true);
            own.setContextClassLoader(loader);
            return own;
        });
    }

    private static URL url(Path entry) {
        if (!Files.exists(entry)) {
            throw new UsageException("reward.class_path: " + entry + ": no such jar or folder");
        }
        try {
            return entry.toUri().toURL();
        } catch (MalformedURLException e) {
            throw new UsageException("reward.class_path: " + entry + ": " + e.getMessage(), e);
        }
    }

    private Class<? extends RewardFunction> load() {
        Class<?> found;
        try {
            found = Class.forName(className, false, loader);
        } catch (ClassNotFoundException e) {
            throw new UsageException("reward.class: there is no class " + className
                    + "; expected one on the class path, to which reward.class_path adds jars and folders", e);
        } catch (LinkageError e) {
            throw new UsageException("reward.class: " + className + " cannot be loaded: " + Question.oneLine(String.valueOf(e.getMessage()), SHOWN_CHARS), e);
        }
        if (!RewardFunction.class.isAssignableFrom(found)) {
            throw new UsageException("reward.class: " + className + " does not implement " + RewardFunction.class.getName());
        }
        try {
            if (!Modifier.isPublic(found.getModifiers()) || Modifier.isAbstract(found.getModifiers())) {
                throw new NoSuchMethodException();
            }
            found.getConstructor();
        } catch (NoSuchMethodException | LinkageError e) {
            throw new UsageException("reward.class: " + className + " is no public class with a public constructor without parameters", e);
        }
        return found.asSubclass(RewardFunction.class);
    }

    @Override
    public String name() {
        return "reward class " + className;
    }

    /** With the content of the class path: another version of the class is another source. */
    @Override
    public String identity() {
        StringBuilder identity = new StringBuilder("class ").append(className);
        for (Path entry : classPath) {
            try (Stream<Path> files = Files.walk(entry)) {
                for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                    identity.append('\n').append(entry.relativize(file)).append(' ').append(Digests.sha256(file));
                }
            } catch (IOException e) {
                throw FileFailures.reading(entry, e);
            }
        }
        String resource = "/" + className.replace('.', '/') + ".class";
        try (InputStream in = type.getResourceAsStream(resource)) {
            if (in != null) {
                identity.append('\n').append(Digests.sha256(in.readAllBytes()));
            }
        } catch (IOException e) {
            throw FileFailures.reading(Path.of(resource), e);
        }
        return identity.toString();
    }

    @Override
    public double[] answer(List<Question> questions, CallLog log) throws InterruptedException {
        List<Double> scores = new ArrayList<>();
        for (ServiceJson.Item item : ServiceJson.items(questions)) {
            log.sent();
            try {
                double[] own = call(() -> function().score(item.prompt().asConversation().turns(), List.copyOf(item.answers())));
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

    private RewardFunction function() throws ReflectiveOperationException {
        if (function == null) {
            function = type.getConstructor().newInstance();
        }
        return function;
    }

    private <T> T call(Callable<T> work) throws InterruptedException {
        Future<T> result = thread.submit(work);
        try {
            return result.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new RunFailedException(name() + ": no scores within " + HttpCaller.seconds(timeout), e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() instanceof InvocationTargetException thrown ? thrown.getCause() : e.getCause();
            if (cause instanceof VirtualMachineError error) {
                throw error;
            }
            throw new RunFailedException(name() + ": threw " + Question.oneLine(cause.toString(), SHOWN_CHARS), cause);
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
            closeLoader();
        }
    }

    private void closeLoader() {
        try {
            loader.close();
        } catch (IOException e) {
            throw new RunFailedException(name() + ": its class path cannot be closed: " + e.getMessage(), e);
        }
    }
}
