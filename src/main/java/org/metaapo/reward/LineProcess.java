package org.metaapo.reward;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Digests;
import org.metaapo.files.OneLine;
import org.metaapo.files.StrictText;

/**
 * A user's command: a process that lives as long as the run, reads a line and writes one, over and over. It is started by the first line,
 * and killed with its children at the end, at a stop, and when a reply takes too long.
 */
public final class LineProcess implements AutoCloseable {
    private static final long CLOSING_SECONDS = 2;

    private final String name;
    private final List<String> command;
    private final Duration timeout;
    private final Settings names;
    private final ScheduledExecutorService watchdog = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread thread = new Thread(work, "command's watchdog");
        thread.setDaemon(true);
        return thread;
    });
    private final Thread hook = new Thread(this::kill, "command's end");
    private volatile Process process;
    private volatile boolean timedOut;
    private volatile boolean ended;
    private InputStream replies;
    private ProcessOutput errors;

    /**
     * A command.
     *
     * @param name of the command, for messages
     * @param command program and arguments; no shell reads them
     * @param timeout of one reply
     * @param names of the settings, for messages
     */
    public LineProcess(String name, List<String> command, Duration timeout, Settings names) {
        this.name = name;
        this.command = List.copyOf(command);
        this.timeout = timeout;
        this.names = names;
        Path program = Path.of(command.get(0));
        if (command.get(0).contains("/") && !Files.isExecutable(program)) {
            throw new UsageException(names.command() + ": " + program + ": no such program, or it may not be executed");
        }
    }

    /** With the content of the files that it names: another script is another source. */
    public String identity() {
        StringBuilder identity = new StringBuilder("command");
        for (String word : command) {
            identity.append('\n').append(word);
            Path file = Path.of(word);
            if (Files.isRegularFile(file)) {
                identity.append(' ').append(Digests.sha256(file));
            }
        }
        return identity.toString();
    }

    /**
     * Writes a line and reads one.
     *
     * @throws RunFailedException if the command ends, or takes too long
     * @throws DataException if its line is too long or not UTF-8
     */
    public String exchange(String request) {
        if (process == null) {
            start();
        }
        ScheduledFuture<?> alarm = watchdog.schedule(() -> {
            timedOut = true;
            kill();
        }, timeout.toMillis(), TimeUnit.MILLISECONDS);
        try {
            OutputStream in = process.getOutputStream();
            in.write((request + "\n").getBytes(StandardCharsets.UTF_8));
            in.flush();
            return line();
        } catch (IOException e) {
            throw died();
        } finally {
            alarm.cancel(false);
        }
    }

    private void start() {
        try {
            process = new ProcessBuilder(command).start();
        } catch (IOException e) {
            throw new UsageException(names.command() + ": " + command.get(0) + " cannot be started: " + OneLine.of(String.valueOf(e.getMessage()), 160)
                    + (command.size() == 1 && command.get(0).contains(" ") ? "; give program and arguments as a list, [python3, reward.py]" : ""), e);
        }
        errors = new ProcessOutput(process.getErrorStream());
        replies = new BufferedInputStream(process.getInputStream(), 1 << 16);
        Runtime.getRuntime().addShutdownHook(hook);
        if (ended) {
            kill();
        }
    }

    private String line() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int b = replies.read(); b != '\n'; b = replies.read()) {
            if (b < 0) {
                throw died();
            }
            if (bytes.size() == HttpCaller.MOST_BYTES) {
                kill();
                throw new DataException(name + ": a line of more than " + HttpCaller.MOST_BYTES + " bytes; expected at most that");
            }
            bytes.write(b);
        }
        return StrictText.decode(bytes.toByteArray(), 0, bytes.size(), name, 1);
    }

    private RunFailedException died() {
        if (timedOut) {
            return new RunFailedException(name + ": no reply within " + HttpCaller.seconds(timeout, names) + lastWords());
        }
        String status = "ended";
        try {
            if (process.waitFor(1, TimeUnit.SECONDS)) {
                status = "ended with status " + process.exitValue();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return new RunFailedException(name + ": " + status + " before it replied" + lastWords());
    }

    private String lastWords() {
        String last = errors.lastLine();
        return last.isEmpty() ? "; it wrote nothing to its standard error" : "; the last line of its standard error: " + last;
    }

    /** Ends what is under way, from another thread. */
    public void abort() {
        ended = true;
        kill();
    }

    private void kill() {
        Process running = process;
        if (running != null) {
            running.descendants().forEach(ProcessHandle::destroyForcibly);
            running.destroyForcibly();
        }
    }

    /** Ends the input, which tells the command to end, and kills it if it does not. */
    @Override
    public void close() {
        watchdog.shutdownNow();
        if (process == null) {
            return;
        }
        try {
            process.getOutputStream().close();
        } catch (IOException e) {
            // It has ended already.
        }
        try {
            process.waitFor(CLOSING_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        kill();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The virtual machine is ending, and runs the hook itself.
        }
    }
}
