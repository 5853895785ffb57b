package org.metaapo.data;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;

/**
 * What a path of data means: a file; a pattern ({@code data/*.jsonl}); or a folder laid out as a Hugging Face dataset, whose
 * files are named after their split. {@code folder#split} names a split.
 */
final class DataPaths {
    private static final Pattern DATA = Pattern.compile(".*\\.(jsonl|ndjson|json|parquet)(\\.gz|\\.zst)?", Pattern.CASE_INSENSITIVE);
    /** {@code train-00000-of-00003-1a2b.parquet}, {@code train.jsonl.gz}: what comes before the shard's number or the ending. */
    private static final Pattern SPLIT = Pattern.compile("(.+?)(?:-\\d{5}-of-\\d{5}.*)?\\.[a-z.]+");

    private DataPaths() {}

    /**
     * The files of a path, in the order of their names.
     *
     * @param split what a folder's default split begins with, such as "train"
     * @throws DataException if there is none
     */
    static List<Path> resolve(Path path, String split) {
        String text = path.toString();
        int hash = text.lastIndexOf('#');
        if (hash > 0 && !Files.exists(path)) {
            return folder(Path.of(text.substring(0, hash)), text.substring(hash + 1), true);
        }
        if (Files.isDirectory(path)) {
            return folder(path, split, false);
        }
        if (!Files.exists(path) && text.matches(".*[*?\\[{].*")) {
            return pattern(path);
        }
        if (!Files.isRegularFile(path)) {
            throw new DataException(path + ": " + (Files.exists(path) ? "not a file" : "no such file")
                    + "; expected a JSONL, JSON or Parquet file, a pattern, or a folder of them");
        }
        return List.of(path);
    }

    private static List<Path> pattern(Path path) {
        Path start = path;
        while (start != null && start.toString().matches(".*[*?\\[{].*")) {
            start = start.getParent();
        }
        Path root = start == null ? Path.of("") : start;
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + path);
        List<Path> files = walk(root, file -> matcher.matches(file));
        if (files.isEmpty()) {
            throw new DataException(path + ": no file fits the pattern");
        }
        return files;
    }

    private static List<Path> folder(Path folder, String split, boolean exact) {
        if (!Files.isDirectory(folder)) {
            throw new DataException(folder + ": no such folder");
        }
        Map<String, List<Path>> splits = new TreeMap<>();
        for (Path file : walk(folder, file -> isData(file))) {
            splits.computeIfAbsent(split(folder, file), name -> new ArrayList<>()).add(file);
        }
        if (splits.isEmpty()) {
            throw new DataException(folder + ": no JSONL, JSON or Parquet files in this folder");
        }
        List<Path> found = splits.get(split);
        if (found == null && !exact) {
            List<String> beginning = splits.keySet().stream().filter(name -> name.startsWith(split)).toList();
            found = beginning.size() == 1 ? splits.get(beginning.get(0)) : null;
        }
        if (found == null) {
            throw new DataException(folder + ": no split " + split + "; there are " + String.join(", ", splits.keySet())
                    + "; name one as " + folder + "#" + splits.keySet().iterator().next());
        }
        return found;
    }

    private static boolean isData(Path file) {
        String name = file.getFileName().toString();
        return DATA.matcher(name).matches() && !name.startsWith(".") && !name.equals("dataset_infos.json")
                && !name.equals("dataset_dict.json") && !name.equals("state.json");
    }

    /** From the file's name, or from its folder's where the name is only a number, as in {@code train/0000.parquet}. */
    private static String split(Path folder, Path file) {
        Matcher matcher = SPLIT.matcher(file.getFileName().toString().toLowerCase(Locale.ROOT));
        String name = matcher.matches() ? matcher.group(1) : file.getFileName().toString();
        Path parent = folder.relativize(file).getParent();
        return name.matches("\\d+") && parent != null ? parent.getFileName().toString() : name;
    }

    private interface Wanted {
        boolean test(Path file);
    }

    private static List<Path> walk(Path root, Wanted wanted) {
        try (Stream<Path> files = Files.walk(root, 8)) {
            return files.filter(Files::isRegularFile).filter(wanted::test).sorted().toList();
        } catch (IOException e) {
            throw FileFailures.reading(root, e);
        }
    }
}
