package org.metaapo.data;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.config.YamlText;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.FileFailures;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * What a dataset's card says of its files: the list {@code configs} in the YAML at the beginning of {@code README.md}, each entry
 * with {@code config_name} and {@code data_files} or {@code data_dir}.
 *
 * @param patterns of the default configuration's splits, relative to the dataset's folder; null where {@code folder} says it all
 * @param folder in which the default configuration lies, relative to the dataset's
 */
record DatasetCard(Map<String, List<String>> patterns, String folder) {
    private static final String NAME = "README.md";
    private static final Pattern FRONT = Pattern.compile("---[ \\t]*\\R(.*?\\R)---[ \\t]*(?:\\R|$)", Pattern.DOTALL);

    /**
     * The card of a folder; null where there is none, or it says nothing of files.
     *
     * @throws DataException if it is not readable, or names several configurations and no default
     */
    static DatasetCard of(Path folder) {
        Path file = folder.resolve(NAME);
        Node configs = Files.isRegularFile(file) ? child(front(file), "configs") : null;
        if (!(configs instanceof SequenceNode list) || list.getValue().isEmpty()) {
            return null;
        }
        Node chosen = list.getValue().get(0);
        if (list.getValue().size() > 1) {
            chosen = list.getValue().stream()
                    .filter(config -> "true".equals(text(child(config, "default"))) || "default".equals(text(child(config, "config_name"))))
                    .findFirst().orElseThrow(() -> several(folder, list));
        }
        Node files = child(chosen, "data_files");
        String inside = text(child(chosen, "data_dir"));
        if (files == null) {
            return inside == null || !isBelow(inside) ? null : new DatasetCard(null, inside);
        }
        return new DatasetCard(patterns(file, files, inside == null ? "" : inside.replaceFirst("/*$", "/")), inside);
    }

    private static boolean isBelow(String folder) {
        Path path = Path.of(folder).normalize();
        return !path.isAbsolute() && !path.toString().isEmpty() && !path.startsWith("..");
    }

    private static DataException several(Path folder, SequenceNode configs) {
        List<String> names = configs.getValue().stream().map(config -> String.valueOf(text(child(config, "config_name")))).toList();
        return new DataException(folder + ": " + NAME + " names several configurations and no default (" + String.join(", ", names)
                + "); give the files of one of them as a pattern, such as " + folder.resolve(names.get(0)) + "/train*");
    }

    private static Map<String, List<String>> patterns(Path file, Node files, String inside) {
        Map<String, List<String>> splits = new LinkedHashMap<>();
        for (Node entry : files instanceof SequenceNode list ? list.getValue() : List.of(files)) {
            Node split = child(entry, "split");
            Node paths = entry instanceof MappingNode ? child(entry, "path") : entry;
            List<String> globs = new ArrayList<>();
            for (Node path : paths instanceof SequenceNode list ? list.getValue() : paths == null ? List.<Node>of() : List.of(paths)) {
                globs.add(text(path));
            }
            if (globs.isEmpty() || globs.contains(null) || entry instanceof MappingNode && split == null) {
                throw new DataException(YamlText.at(file.toString(), entry) + ": data_files: expected a pattern, a list of them, or entries of "
                        + "split and path");
            }
            splits.computeIfAbsent(split == null ? "train" : text(split), name -> new ArrayList<>())
                    .addAll(globs.stream().map(glob -> inside + glob).toList());
        }
        return splits;
    }

    /** The YAML between two lines of hyphens at the beginning; null where there is none. */
    private static Node front(Path file) {
        String text;
        try {
            // Leniently: what else stands in a card is no concern of the reading.
            text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
        Matcher front = FRONT.matcher(text);
        if (!front.lookingAt()) {
            return null;
        }
        try {
            return YamlText.compose("\n" + front.group(1), file.toString());
        } catch (UsageException e) {
            throw new DataException(e.getMessage() + "; mend it, or name the data's files by a pattern", e);
        }
    }

    private static Node child(Node node, String key) {
        if (node instanceof MappingNode mapping) {
            for (NodeTuple tuple : mapping.getValue()) {
                if (key.equals(text(tuple.getKeyNode()))) {
                    return tuple.getValueNode();
                }
            }
        }
        return null;
    }

    private static String text(Node node) {
        return node instanceof ScalarNode scalar ? scalar.getValue() : null;
    }
}
