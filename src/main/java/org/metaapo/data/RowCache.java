package org.metaapo.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.metaapo.error.DataException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Digests;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.files.StandardInput;
import org.metaapo.files.Unfinished;

/**
 * Prepared rows, kept in a folder under a name made from all that they depend on: the content of the data files, the folder's
 * tokenizer and template, lengths, filters and how rows are read. The number of threads is not among it.
 */
public final class RowCache {
    /** Changes whenever the same input gives other rows or another file. */
    private static final String LAYOUT = "metaapo rows 5";

    private final Path folder;
    private final Consumer<String> notes;

    /**
     * A cache.
     *
     * @param folder where it lies; null for none: rows are then made anew in a temporary file, which is gone afterwards
     * @param notes hears lines for people
     */
    public RowCache(Path folder, Consumer<String> notes) {
        this.folder = folder;
        this.notes = notes;
    }

    /**
     * The rows of a preparation: those at hand, or newly made ones. The caller closes them.
     *
     * @throws DataException naming file, row and cause of what is bad
     */
    public RowStore rows(Preparation preparation, DataFiles.Watch watch) {
        byte[] key = key(preparation);
        if (folder == null) {
            return temporary(preparation, key, watch);
        }
        Path file = folder.resolve("rows-" + HexFormat.of().formatHex(key, 0, 8) + ".bin");
        RowStore found = open(file, key, true);
        if (found != null) {
            return found;
        }
        boolean isNew = !Files.exists(folder);
        try {
            AtomicFiles.write(file, -1, channel -> write(preparation, channel, key, watch));
        } catch (DataException e) {
            if (isNew) {
                deleteEmpty(folder);
            }
            throw e;
        }
        return open(file, key, false);
    }

    private RowStore open(Path file, byte[] key, boolean mayBeAbsent) {
        try {
            return RowStore.open(file, key);
        } catch (IOException e) {
            if (mayBeAbsent) {
                // Where it cannot be read for another reason than absence, writing it will tell.
                return null;
            }
            throw FileFailures.reading(file, e);
        } catch (RowStore.Unusable e) {
            if (mayBeAbsent) {
                notes.accept(file + " " + e.getMessage() + "; it is made again");
                return null;
            }
            throw new DataException(file + ": " + e.getMessage() + " just after it was written");
        }
    }

    private static void write(Preparation preparation, FileChannel channel, byte[] key, DataFiles.Watch watch) throws IOException {
        try {
            preparation.write(channel, key, watch);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static RowStore temporary(Preparation preparation, byte[] key, DataFiles.Watch watch) {
        Path file = null;
        try {
            file = Unfinished.temporary("metaapo-rows-", ".bin");
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                write(preparation, channel, key, watch);
            }
            return RowStore.open(file, key);
        } catch (IOException e) {
            throw FileFailures.writing(file == null ? Path.of(System.getProperty("java.io.tmpdir")) : file, -1, e);
        } catch (RowStore.Unusable e) {
            throw new DataException(file + ": " + e.getMessage() + " just after it was written");
        } finally {
            delete(file);
        }
    }

    /** An open file stays readable after its name is gone. */
    private static void delete(Path file) {
        try {
            if (file != null) {
                Files.deleteIfExists(file);
                Unfinished.remove(file);
            }
        } catch (IOException leftover) {
            // The system empties its folder of temporary files.
        }
    }

    private static void deleteEmpty(Path folder) {
        try {
            Files.deleteIfExists(folder);
            Files.deleteIfExists(folder.toAbsolutePath().getParent());
        } catch (IOException inUse) {
            // Something else lies in it.
        }
    }

    private static byte[] key(Preparation preparation) {
        StringBuilder text = new StringBuilder(LAYOUT).append('\n');
        for (Path source : preparation.sources()) {
            text.append("source ").append(source).append('\n');
            for (Path file : DataFiles.files(List.of(source), preparation.options())) {
                text.append(file).append(' ').append(Digests.sha256(StandardInput.file(file))).append('\n');
            }
        }
        text.append(preparation.options()).append(' ').append(Json.write(preparation.options().variables())).append(' ').append(preparation.need()).append(' ').append(preparation.online()).append(' ')
                .append(preparation.filter()).append(' ');
        text.append(preparation.maxLength()).append(' ').append(preparation.maxPromptLength()).append(' ');
        text.append(preparation.dropRepeatedPrompts()).append('\n');
        preparation.format().identity().forEach(line -> text.append(line).append('\n'));
        return HexFormat.of().parseHex(Digests.sha256(text.toString().getBytes(StandardCharsets.UTF_8)));
    }
}
