package org.metaapo.files;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Standard input where a path is asked for: {@code -}. What reads a file may ask for its size and open it again, so all of it is copied
 * to a temporary file at the first use. One copy for the process, as there is one standard input.
 */
public final class StandardInput {
    private static final List<String> NAMES = List.of("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0");

    private static InputStream copied;
    private static Path copy;

    private StandardInput() {}

    /** Whether a path means standard input. */
    public static boolean isMeant(Path path) {
        return NAMES.contains(path.toString());
    }

    /**
     * The path itself, or for standard input the file that holds what came from there.
     *
     * @throws org.metaapo.error.DataException if it cannot be read
     * @throws org.metaapo.error.RunFailedException if there is no room for the copy
     */
    public static Path file(Path path) {
        return isMeant(path) ? copy(path) : path;
    }

    private static synchronized Path copy(Path shown) {
        if (copied != System.in) {
            Path file = temporary();
            fill(file, shown);
            copied = System.in;
            copy = file;
        }
        return copy;
    }

    private static Path temporary() {
        try {
            return Unfinished.temporary("metaapo-input-", ".tmp");
        } catch (IOException e) {
            throw FileFailures.writing(Path.of(System.getProperty("java.io.tmpdir")), -1, e);
        }
    }

    private static void fill(Path file, Path shown) {
        try (OutputStream out = Files.newOutputStream(file)) {
            byte[] buffer = new byte[1 << 16];
            for (int read = read(buffer, shown); read >= 0; read = read(buffer, shown)) {
                out.write(buffer, 0, read);
            }
        } catch (IOException e) {
            throw FileFailures.writing(file, -1, e);
        }
    }

    private static int read(byte[] buffer, Path shown) {
        try {
            return System.in.read(buffer);
        } catch (IOException e) {
            throw FileFailures.reading(shown, e);
        }
    }
}
