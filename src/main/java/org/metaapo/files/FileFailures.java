package org.metaapo.files;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;

/** Turns an {@link IOException} into the one line that the user reads. */
public final class FileFailures {
    private FileFailures() {}

    /**
     * A failed write as a {@link RunFailedException}. A full disk or an exceeded quota is told apart, with the path and
     * the bytes that are free there.
     *
     * @param path what was being written
     * @param wantedBytes bytes that were to be written in all, or -1 when unknown
     */
    public static RunFailedException writing(Path path, long wantedBytes, IOException cause) {
        String reason = reason(cause);
        String lower = reason.toLowerCase(Locale.ROOT);
        if (lower.contains("no space left") || lower.contains("quota exceeded")) {
            String wanted = wantedBytes < 0 ? "" : ", needed " + wantedBytes + " bytes";
            return new RunFailedException(
                    path + ": disk full (" + reason + ")" + wanted + ", free " + (freeBytes(path) < 0 ? "unknown" : freeBytes(path))
                            + " bytes: free some space or choose another output folder",
                    cause);
        }
        return new RunFailedException(path + ": cannot be written: " + reason, cause);
    }

    /** A failed read as a {@link DataException}. */
    public static DataException reading(Path path, IOException cause) {
        return new DataException(path + ": cannot be read: " + reason(cause), cause);
    }

    private static String reason(IOException cause) {
        if (cause instanceof NoSuchFileException) {
            return "no such file or folder";
        }
        if (cause instanceof AccessDeniedException) {
            return "permission denied";
        }
        String text = cause instanceof FileSystemException failure && failure.getReason() != null
                ? failure.getReason()
                : cause.getMessage();
        return text == null ? cause.getClass().getSimpleName() : text;
    }

    /** Bytes that are free on the disk of a path that need not be there yet; -1 if unknown. */
    public static long freeBytes(Path path) {
        for (Path at = path.toAbsolutePath(); at != null; at = at.getParent()) {
            try {
                return Files.getFileStore(at).getUsableSpace();
            } catch (IOException absent) {
                // What was being written may not exist (any more): its nearest existing parent lies on the same disk.
            }
        }
        return -1;
    }
}
