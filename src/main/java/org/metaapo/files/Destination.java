package org.metaapo.files;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;

/** Where a command writes its text, in UTF-8: a file that appears whole, a pipe or device, or standard output. */
public final class Destination {
    private static final Path INPUT = Path.of("/proc/self/fd/0");
    private static final Path OUTPUT = Path.of("/proc/self/fd/1");

    private final Path path;

    private Destination(Path path) {
        this.path = path;
    }

    /** Writes the text; an {@link UncheckedIOException} is a failed write too. */
    @FunctionalInterface
    public interface Body {
        /** Writes everything to {@code out}; the caller closes it. */
        void write(Writer out) throws IOException;
    }

    /** The place that a path names; {@code -} and null are standard output, as are its names under {@code /dev}. */
    public static Destination of(Path path) {
        return new Destination(path == null || path.toString().equals("-") || isStandardOutput(path) ? null : path);
    }

    private static boolean isStandardOutput(Path path) {
        try {
            return OutputPath.of(path).isStandardOutput();
        } catch (IOException e) {
            // Writing it tells.
            return false;
        }
    }

    /** Whether it is standard output. */
    public boolean isStandardOutput() {
        return path == null;
    }

    /** Whether both are the same place; {@code other} may be null. */
    public boolean isSameAs(Destination other) {
        if (other == null || path == null || other.path == null) {
            return other != null && path == other.path;
        }
        try {
            return OutputPath.of(path).path().equals(OutputPath.of(other.path).path());
        } catch (IOException e) {
            // Writing tells.
            return false;
        }
    }

    /**
     * Refuses, before any work, what cannot be written to, and what the command reads.
     *
     * @param inputs files that are read, and folders whose files are
     * @throws UsageException if it is a folder, or one of the inputs by whichever path
     * @throws RunFailedException if it cannot be written
     */
    public void check(Collection<Path> inputs) {
        for (Path input : inputs) {
            if (isRead(input)) {
                throw new UsageException((path == null ? "standard output" : path) + ": is read too, as " + input
                        + "; expected another file to write to");
            }
        }
        if (path == null) {
            return;
        }
        if (Files.isDirectory(path)) {
            throw new UsageException(path + ": is a folder; expected a file to write to");
        }
        try {
            checkWritable(OutputPath.of(path).path());
        } catch (IOException e) {
            throw FileFailures.writing(path, -1, e);
        }
    }

    private boolean isRead(Path given) {
        try {
            Path output = path == null ? OUTPUT : path;
            Path input = StandardInput.isMeant(given) ? INPUT : given;
            if (!Files.exists(output)) {
                return path != null && OutputPath.of(output).path().equals(OutputPath.of(input).path());
            }
            if (!Files.isRegularFile(output)) {
                return false;
            }
            return Files.isDirectory(input)
                    ? output.toRealPath().startsWith(input.toRealPath())
                    : Files.isRegularFile(input) && Files.isSameFile(output, input);
        } catch (IOException e) {
            // Reading or writing it tells.
            return false;
        }
    }

    private void checkWritable(Path place) {
        Path at = place;
        while (at.getParent() != null && !Files.exists(at)) {
            at = at.getParent();
        }
        if (!at.equals(place) && !Files.isDirectory(at)) {
            throw new RunFailedException(path + ": cannot be written: " + at + " is not a folder");
        }
        if (!Files.isWritable(at)) {
            throw new RunFailedException(path + ": cannot be written: permission denied" + (at.equals(place) ? "" : " in " + at));
        }
    }

    /**
     * Writes the text.
     *
     * @throws RunFailedException if that fails
     */
    public void write(Body body) {
        if (path == null) {
            try {
                write(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), body);
            } catch (IOException e) {
                throw FileFailures.writing(Path.of("-"), -1, e);
            }
        } else {
            AtomicFiles.write(path, -1, channel -> write(Channels.newWriter(channel, StandardCharsets.UTF_8), body));
        }
    }

    private static void write(Writer out, Body body) throws IOException {
        try {
            Writer buffered = new BufferedWriter(out, 1 << 16);
            body.write(buffered);
            buffered.flush();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }
}
