package org.metaapo.report;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NotDirectoryException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What pages read of a run's folder: regular files in it and in its folders, by their plain names. No link is followed but one that
 * stands for the folder itself, so that nothing outside is read, whoever writes into the folder.
 *
 * @param folder of the run
 */
public record RunFiles(Path folder) {
    private static final Set<OpenOption> READ = Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);

    /**
     * Opens a file.
     *
     * @param inner a folder within the run's, or null
     * @throws IOException if there is no such file, or it is a link, a folder or a device
     */
    public SeekableByteChannel open(String inner, String name) throws IOException {
        try (Opened opened = new Opened(inner)) {
            BasicFileAttributes attributes = opened.attributes(name);
            if (!attributes.isRegularFile()) {
                throw new FileSystemException(name, null, attributes.isSymbolicLink() ? "is a link, which is not followed" : "is no file");
            }
            return opened.stream.newByteChannel(Path.of(name), READ);
        }
    }

    /** Whole text of a file of the run's folder; null where there is none that can be read, or it has more than {@code most} bytes. */
    public byte[] read(String name, int most) {
        try (SeekableByteChannel channel = open(null, name)) {
            if (channel.size() > most) {
                return null;
            }
            ByteBuffer bytes = ByteBuffer.allocate((int) channel.size());
            while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
                continue;
            }
            return Arrays.copyOf(bytes.array(), bytes.position());
        } catch (IOException e) {
            return null;
        }
    }

    /**
     * What distinguishes the versions of a file.
     *
     * @param bytes length
     * @param modified milliseconds since 1970
     * @param key of the file system, or null
     */
    public record Version(long bytes, long modified, Object key) {}

    /** The version of a file of the run's folder; null where there is none. */
    public Version version(String name) {
        Map<String, Version> found = new TreeMap<>();
        try (Opened opened = new Opened(null)) {
            addRegular(found, opened, name);
        } catch (IOException e) {
            return null;
        }
        return found.get(name);
    }

    /** The regular files of a folder within the run's whose names end so, in the order of their names; empty where there is none. */
    public Map<String, Version> list(String inner, String ending) {
        Map<String, Version> files = new TreeMap<>();
        try (Opened opened = new Opened(inner)) {
            for (String name : opened.names()) {
                if (name.endsWith(ending)) {
                    addRegular(files, opened, name);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            return files;
        }
        return files;
    }

    private static void addRegular(Map<String, Version> files, Opened opened, String name) {
        try {
            BasicFileAttributes attributes = opened.attributes(name);
            if (attributes.isRegularFile()) {
                files.put(name, new Version(attributes.size(), attributes.lastModifiedTime().toMillis(), attributes.fileKey()));
            }
        } catch (IOException e) {
            // Gone since it was listed.
        }
    }

    /** Names of all that is in a folder within the run's; empty where there is none. */
    public List<String> names(String inner) {
        try (Opened opened = new Opened(inner)) {
            return opened.names();
        } catch (IOException | DirectoryIteratorException e) {
            return List.of();
        }
    }

    /** The run's folder, or one within it, held open so that it cannot be exchanged for another on the way. */
    private final class Opened implements AutoCloseable {
        private final SecureDirectoryStream<Path> stream;

        Opened(String inner) throws IOException {
            SecureDirectoryStream<Path> root = secure(Files.newDirectoryStream(folder));
            if (inner == null) {
                stream = root;
                return;
            }
            try (root) {
                stream = root.newDirectoryStream(Path.of(inner), LinkOption.NOFOLLOW_LINKS);
            }
        }

        private static SecureDirectoryStream<Path> secure(DirectoryStream<Path> stream) throws IOException {
            if (stream instanceof SecureDirectoryStream<Path> secure) {
                return secure;
            }
            stream.close();
            throw new NotDirectoryException("this system's folders cannot be held open");
        }

        List<String> names() {
            List<String> names = new ArrayList<>();
            stream.forEach(path -> names.add(path.getFileName().toString()));
            return names;
        }

        BasicFileAttributes attributes(String name) throws IOException {
            return stream.getFileAttributeView(Path.of(name), BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS).readAttributes();
        }

        @Override
        public void close() throws IOException {
            stream.close();
        }
    }
}
