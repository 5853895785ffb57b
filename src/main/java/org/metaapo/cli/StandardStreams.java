package org.metaapo.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.metaapo.error.OutputClosedException;
import org.metaapo.error.RunFailedException;

/** This process's output: UTF-8 whatever the locale, and a write that fails ends the command. */
final class StandardStreams {
    /** Kinds of files in a mode's bits, as in stat(2). */
    private static final int KIND = 0170000;

    private static final int PIPE = 0010000;
    private static final int SOCKET = 0140000;

    private StandardStreams() {}

    /** Makes them {@link System#out} and {@link System#err}. */
    static void install() {
        System.setOut(new PrintStream(new BufferedOutputStream(new Output()), false, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8));
    }

    /** Standard output. What it throws is no IOException, for a PrintStream would keep that to itself. */
    private static final class Output extends OutputStream {
        private final FileOutputStream file = new FileOutputStream(FileDescriptor.out);
        private boolean failed;

        @Override
        public void write(int b) {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            if (failed) {
                // Told once; what is still buffered is lost like the rest.
                return;
            }
            try {
                file.write(bytes, offset, length);
            } catch (IOException e) {
                failed = true;
                throw isPipe() ? new OutputClosedException(e) : new RunFailedException("standard output: cannot be written: " + e.getMessage(), e);
            }
        }

        /** Writing to a pipe fails when nobody reads it, and else never. */
        private static boolean isPipe() {
            try {
                int kind = (int) Files.getAttribute(Path.of("/proc/self/fd/1"), "unix:mode") & KIND;
                return kind == PIPE || kind == SOCKET;
            } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
                return false;
            }
        }
    }
}
