package org.metaapo.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.HubName;
import org.metaapo.files.StandardInput;

/**
 * What a path of data means: a file; a pattern ({@code data/*.jsonl}); or a folder laid out as a Hugging Face dataset, whose
 * files are named after their split. {@code folder#split} names a split.
 */
final class DataPaths {
    private DataPaths() {}

    /**
     * The files of a path, in the order of their names.
     *
     * @param split what a folder's default split begins with, such as "train"
     * @throws DataException if there is none
     */
    static List<Path> resolve(Path path, String split) {
        if (StandardInput.isMeant(path)) {
            return List.of(path);
        }
        String text = path.toString();
        int hash = text.lastIndexOf('#');
        if (hash > 0 && !Files.exists(path)) {
            return Shards.complete(DatasetFolder.files(Path.of(text.substring(0, hash)), text.substring(hash + 1), true));
        }
        if (Files.isDirectory(path)) {
            return Shards.complete(DatasetFolder.files(path, split, false));
        }
        if (!Files.exists(path) && text.matches(".*[*?\\[{].*")) {
            return pattern(path);
        }
        if (!Files.isRegularFile(path)) {
            throw new DataException(path + ": " + (Files.exists(path) ? "not a file, which could be read again" : "no such file")
                    + "; expected a JSONL, JSON or Parquet file, a pattern, a folder of them, or - for standard input" + HubName.advice(path, "dataset"));
        }
        FileFormat.of(path);
        return List.of(path);
    }

    private static List<Path> pattern(Path path) {
        Path start = path;
        while (start != null && start.toString().matches(".*[*?\\[{].*")) {
            start = start.getParent();
        }
        Path root = start == null ? Path.of("") : start;
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + path);
        List<Path> files = walk(root).stream().filter(matcher::matches).toList();
        if (files.isEmpty()) {
            throw new DataException(path + ": no file fits the pattern");
        }
        files.forEach(FileFormat::of);
        return files;
    }

    /** All files of a folder, in the order of their names. */
    static List<Path> walk(Path root) {
        try (Stream<Path> files = Files.walk(root, FileVisitOption.FOLLOW_LINKS)) {
            // A link to a file that is gone is listed too, for the reading to tell.
            return files.filter(file -> Files.isRegularFile(file) || !Files.exists(file)).sorted().toList();
        } catch (UncheckedIOException e) {
            throw FileFailures.reading(root, e.getCause());
        } catch (IOException e) {
            throw FileFailures.reading(root, e);
        }
    }
}
