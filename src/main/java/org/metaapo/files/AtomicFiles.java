package org.metaapo.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;
import java.util.UUID;

/**
 * Files and folders that are either wholly there or not at all: written beside their place under a temporary name,
 * fsynced, then renamed, and the parent folder fsynced.
 *
 * <p>What a killed process leaves behind has a name that {@link #deletePartials} knows. Every failure is a
 * {@link org.metaapo.error.RunFailedException} that names the path; a full disk is told with sizes.
 */
public final class AtomicFiles {
    private static final String PARTIAL = ".partial-";
    private static final String REPLACED = ".replaced-";

    private AtomicFiles() {}

    /** Writes the content of one file. */
    @FunctionalInterface
    public interface FileBody {
        /** Writes everything to {@code channel}, which is positioned at 0; the caller closes it. */
        void write(FileChannel channel) throws IOException;
    }

    /** Writes the content of one folder. */
    @FunctionalInterface
    public interface FolderBody {
        /** Puts files and folders below {@code folder}, which exists and is empty. */
        void fill(Path folder) throws IOException;
    }

    /** Writes {@code bytes} to {@code target}, replacing a file that is there. */
    public static void write(Path target, byte[] bytes) {
        write(target, bytes.length, channel -> writeFully(channel, ByteBuffer.wrap(bytes)));
    }

    /** Writes {@code text} in UTF-8 to {@code target}, replacing a file that is there. */
    public static void write(Path target, String text) {
        write(target, text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Writes one file by a callback, replacing a file that is there; parent folders are made. A link is followed: what it leads to is
     * replaced, with the permissions it had. A pipe or a device is written through.
     *
     * @param bytes size of the content, for the message of a full disk, or -1 when unknown
     */
    public static void write(Path target, long bytes, FileBody body) {
        try {
            OutputPath place = OutputPath.of(target);
            if (place.isThrough()) {
                writeThrough(place.path(), body);
            } else {
                replace(place.path(), body);
            }
        } catch (IOException failure) {
            throw FileFailures.writing(target, bytes, failure);
        }
    }

    /** Appends, for a descriptor may be a file that has content already. */
    private static void writeThrough(Path place, FileBody body) throws IOException {
        try (FileChannel channel = FileChannel.open(place, StandardOpenOption.WRITE, StandardOpenOption.APPEND)) {
            body.write(channel);
        }
    }

    private static void replace(Path target, FileBody body) throws IOException {
        Path partial = beside(target, PARTIAL);
        Unfinished.add(partial);
        try {
            makeFolders(partial.getParent());
            try (FileChannel channel =
                    FileChannel.open(partial, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                body.write(channel);
                channel.force(true);
            }
            keepPermissions(target, partial);
            Unfinished.commit(partial, () -> Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE));
            syncFolder(partial.getParent());
        } finally {
            deleteQuietly(partial);
            Unfinished.remove(partial);
        }
    }

    /**
     * Writes a folder by a callback. A folder that is already at {@code target} is replaced: it is renamed away just
     * before the new one takes its name, and then deleted. A link is followed.
     */
    public static void folder(Path target, FolderBody body) {
        try {
            replace(OutputPath.of(target).path(), body);
        } catch (IOException failure) {
            throw FileFailures.writing(target, -1, failure);
        }
    }

    private static void keepPermissions(Path target, Path partial) throws IOException {
        if (!Files.exists(target)) {
            return;
        }
        Set<PosixFilePermission> wanted = Files.getPosixFilePermissions(target);
        // Some file systems have the same for all files, and refuse to set any.
        if (!wanted.equals(Files.getPosixFilePermissions(partial))) {
            Files.setPosixFilePermissions(partial, wanted);
        }
    }

    private static void replace(Path target, FolderBody body) throws IOException {
        Path partial = beside(target, PARTIAL);
        Path replaced = beside(target, REPLACED);
        Unfinished.add(partial);
        try {
            Files.createDirectories(partial);
            body.fill(partial);
            syncTree(partial);
            Unfinished.commit(partial, () -> {
                if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
                    Files.move(target, replaced, StandardCopyOption.ATOMIC_MOVE);
                }
                Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
            });
            syncFolder(partial.getParent());
            deleteTree(replaced);
        } finally {
            deleteQuietly(partial);
            Unfinished.remove(partial);
        }
    }

    /**
     * Deletes what killed processes left in {@code folder} (not in its sub-folders). Call it only while holding the
     * {@link RunLock} of the run, or it could take a living writer's file away. A folder that was renamed away, but whose
     * successor never took its place, gets its name back.
     */
    public static void deletePartials(Path folder) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, ".*")) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                int replaced = name.lastIndexOf(REPLACED);
                Path original = replaced > 1 ? folder.resolve(name.substring(1, replaced)) : null;
                if (original != null && !Files.exists(original, LinkOption.NOFOLLOW_LINKS)) {
                    Files.move(entry, original, StandardCopyOption.ATOMIC_MOVE);
                } else if (original != null || name.lastIndexOf(PARTIAL) > 1) {
                    deleteTree(entry);
                }
            }
            syncFolder(folder);
        } catch (IOException failure) {
            throw FileFailures.writing(folder, -1, failure);
        }
    }

    /** Deletes a file or a folder with all that is in it; links are removed, not followed. Absence is no error. */
    public static void deleteTree(Path root) throws IOException {
        if (!Files.exists(root, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path folder, IOException failure) throws IOException {
                if (failure != null) {
                    throw failure;
                }
                Files.delete(folder);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** Makes a folder and those above it; one that is there stays, also as a link to a folder. */
    public static void makeFolders(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(folder);
        }
    }

    /** Writes all remaining bytes of {@code bytes} at the channel's position. */
    public static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static Path beside(Path target, String kind) {
        Path absolute = target.toAbsolutePath().normalize();
        if (absolute.getFileName() == null) {
            throw FileFailures.writing(target, -1, new IOException("it is the root folder"));
        }
        return absolute.resolveSibling("." + absolute.getFileName() + kind + UUID.randomUUID());
    }

    private static void syncTree(Path root) throws IOException {
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                if (attributes.isRegularFile()) {
                    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                        channel.force(true);
                    }
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path folder, IOException failure) throws IOException {
                if (failure != null) {
                    throw failure;
                }
                syncFolder(folder);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static void syncFolder(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    static void deleteQuietly(Path partial) {
        try {
            deleteTree(partial);
        } catch (IOException leftover) {
            // The failure that led here is the one to tell; a leftover is removed by deletePartials at the next start.
        }
    }
}
