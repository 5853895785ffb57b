package org.metaapo.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.metaapo.error.DataException;

/**
 * A folder laid out as a Hugging Face dataset. Its splits are those that {@code datasets} finds, by the first of these rules that
 * finds any: the card's {@code configs}; {@code data/SPLIT-00000-of-00001*}; folders named after a split; files named after one;
 * everything is the split train.
 */
final class DatasetFolder {
    private static final String TRAIN = "train";

    /** Formats that hold data, those among them that are not read included: those are refused when they are looked at. */
    private static final Pattern DATA = Pattern.compile(
            ".*\\.(jsonl|ndjson|json|parquet|csv|tsv|arrow|feather|avro|orc|zip|tar|tgz|7z|xz|bz2|lz4)(\\.\\w+)?", Pattern.CASE_INSENSITIVE);

    private static final Set<String> NO_DATA =
            Set.of("config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "dummy_data.zip");

    private static final Pattern SHARD = Pattern.compile("data/([^/]+)-\\d{5}-of-\\d{5}[^/]*\\.[^/]*");

    /** What parts the name of a split from the rest of a name; = as in folders that are named after a column's value. */
    private static final String PART = "[-._ =0-9]";

    private static final Map<String, String> KEYWORDS = Map.of(
            TRAIN, "train|training", "validation", "validation|valid|dev|val", "test", "test|testing|eval|evaluation");

    private final Path folder;
    private final List<String> names;

    private DatasetFolder(Path folder) {
        this.folder = folder;
        this.names = DataPaths.walk(folder).stream().map(file -> folder.relativize(file).toString()).filter(DatasetFolder::isData).toList();
    }

    private static boolean isData(String name) {
        List<String> parts = List.of(name.split("/"));
        String last = parts.get(parts.size() - 1);
        return DATA.matcher(last).matches() && !NO_DATA.contains(last) && parts.stream().noneMatch(part -> part.startsWith("."))
                && parts.subList(0, parts.size() - 1).stream().noneMatch(part -> part.startsWith("__"));
    }

    /**
     * The files of a split.
     *
     * @param split its name; unless {@code exact}, one that begins so will do, and a folder that names no split is any
     */
    static List<Path> files(Path folder, String split, boolean exact) {
        if (!Files.isDirectory(folder)) {
            throw new DataException(folder + ": no such folder");
        }
        DatasetCard card = DatasetCard.of(folder);
        if (card != null && card.patterns() == null) {
            return files(folder.resolve(card.folder()), split, exact);
        }
        DatasetFolder dataset = new DatasetFolder(folder);
        if (dataset.names.isEmpty()) {
            throw new DataException(folder + ": no JSONL, JSON or Parquet files in this folder");
        }
        return dataset.checked(split, dataset.split(card, split, exact));
    }

    private List<String> split(DatasetCard card, String wanted, boolean exact) {
        Map<String, List<String>> splits = card == null ? named() : byCard(card.patterns());
        if (splits.isEmpty()) {
            if (!exact || wanted.equals(TRAIN)) {
                return names;
            }
            throw new DataException(folder + ": no split " + wanted + ": neither files nor folders are named after splits");
        }
        List<String> found = splits.get(wanted);
        if (found == null && !exact) {
            List<String> beginning = splits.keySet().stream().filter(name -> name.startsWith(wanted)).toList();
            found = beginning.size() == 1 ? splits.get(beginning.get(0)) : null;
        }
        if (found == null) {
            throw new DataException(folder + ": no split " + wanted + "; there are " + String.join(", ", splits.keySet())
                    + "; name one as " + folder + "#" + splits.keySet().iterator().next());
        }
        if (found.isEmpty()) {
            throw new DataException(folder + ": none of the files is there that README.md names for split " + wanted
                    + "; fetch them, or name files by a pattern, such as " + folder + "/*.jsonl");
        }
        return found;
    }

    /** Files by split; empty where nothing is named after one. */
    private Map<String, List<String>> named() {
        Map<String, List<String>> splits = new TreeMap<>();
        for (String name : names) {
            Matcher shard = SHARD.matcher(name);
            if (shard.matches()) {
                splits.computeIfAbsent(shard.group(1), split -> new ArrayList<>()).add(name);
            }
        }
        if (splits.isEmpty()) {
            splits = byKeyword("(?:.*/)?(?:[^/]*%1$s)?(?:%2$s)(?:%1$s[^/]*)?/.*");
        }
        if (splits.isEmpty()) {
            splits = byKeyword("(?:.*/)?(?:[^/]*%1$s)?(?:%2$s)%1$s[^/]*");
        }
        return splits;
    }

    /** Files by split, as a card's patterns say; of a split that was not fetched there are none. */
    private Map<String, List<String>> byCard(Map<String, List<String>> patterns) {
        Map<String, List<String>> splits = new LinkedHashMap<>();
        patterns.forEach((split, globs) -> {
            List<Pattern> compiled = globs.stream().map(Globs::compile).toList();
            splits.put(split, names.stream().filter(name -> compiled.stream().anyMatch(glob -> glob.matcher(name).matches())).toList());
        });
        return splits;
    }

    private Map<String, List<String>> byKeyword(String form) {
        Map<String, List<String>> splits = new TreeMap<>();
        KEYWORDS.forEach((split, words) -> {
            Pattern pattern = Pattern.compile(String.format(form, PART, words), Pattern.CASE_INSENSITIVE);
            List<String> found = names.stream().filter(name -> pattern.matcher(name).matches()).toList();
            if (!found.isEmpty()) {
                splits.put(split, found);
            }
        });
        return splits;
    }

    /** One format alone: two of them are mostly the same rows twice. */
    private List<Path> checked(String split, List<String> found) {
        List<Path> files = found.stream().map(folder::resolve).toList();
        Map<FileFormat, Path> formats = new TreeMap<>();
        DataException refused = null;
        for (Path file : files) {
            try {
                formats.putIfAbsent(FileFormat.of(file), file);
            } catch (DataException e) {
                refused = refused == null ? e : refused;
            }
        }
        String meant = "name those that are meant by a pattern, such as " + folder + "/*.jsonl";
        if (refused != null) {
            throw formats.isEmpty() ? refused : new DataException(refused.getMessage() + "; or, as there are others in split " + split + ", " + meant, refused);
        }
        if (formats.size() > 1) {
            throw new DataException(folder + ": the split " + split + " has files of two formats, such as "
                    + formats.values().stream().map(Path::toString).collect(Collectors.joining(" and ")) + "; " + meant);
        }
        return files;
    }
}
