package org.metaapo.config;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.StandardInput;
import org.metaapo.files.StrictText;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** YAML as nodes that know their lines; nothing is guessed about types, and no key may come twice. */
public final class YamlText {
    private static final int LARGEST_FILE = 1 << 20;

    private YamlText() {}

    /**
     * Text of a file that a user writes; {@code -} is {@link StandardInput standard input}.
     *
     * @throws UsageException if it is not there, not UTF-8 or too large
     */
    public static String read(Path file) {
        Path readable = StandardInput.file(file);
        if (!Files.exists(readable) || Files.isDirectory(readable)) {
            throw new UsageException(file + ": " + (Files.exists(readable) ? "is a folder" : "no such file") + "; expected a configuration in YAML");
        }
        try {
            if (Files.size(readable) > LARGEST_FILE) {
                throw new UsageException(file + ": larger than 1 MiB; a configuration is smaller");
            }
            return StrictText.read(file);
        } catch (DataException | IOException e) {
            throw new UsageException(e.getMessage(), e);
        }
    }

    /**
     * The root node, or null for an empty text.
     *
     * @param where names the text in messages
     * @throws UsageException if it is not YAML; with line and column
     */
    public static Node compose(String yaml, String where) {
        LoaderOptions options = new LoaderOptions();
        options.setAllowDuplicateKeys(false);
        options.setMaxAliasesForCollections(10);
        options.setNestingDepthLimit(20);
        try {
            return new Yaml(options).compose(new StringReader(yaml));
        } catch (MarkedYAMLException e) {
            String place = e.getProblemMark() == null
                    ? where
                    : where + ":" + (e.getProblemMark().getLine() + 1) + ":" + (e.getProblemMark().getColumn() + 1);
            throw new UsageException(place + ": not YAML: " + e.getProblem(), e);
        } catch (RuntimeException e) {
            // The parser has a type of its own for what it refuses, and lets others through too, as for the tag !%c.
            throw new UsageException(where + ": not YAML: " + String.valueOf(e.getMessage()).lines().findFirst().orElse(""), e);
        }
    }

    /**
     * The value of an override, which has no lines; of an empty text it is YAML's null.
     *
     * @param where names the override in messages
     * @throws UsageException if it is not YAML
     */
    public static Node value(String yaml, String where) {
        // Alone it would begin a list.
        Node node = compose(yaml.equals("-") ? "'-'" : yaml, where);
        return node == null ? new ScalarNode(Tag.NULL, true, "", null, null, ScalarStyle.PLAIN) : withoutLines(node);
    }

    private static Node withoutLines(Node node) {
        if (node instanceof ScalarNode scalar) {
            return new ScalarNode(scalar.getTag(), true, scalar.getValue(), null, null, scalar.getScalarStyle());
        }
        if (node instanceof SequenceNode list) {
            return new SequenceNode(list.getTag(), true, list.getValue().stream().map(YamlText::withoutLines).toList(), null, null, list.getFlowStyle());
        }
        MappingNode mapping = (MappingNode) node;
        List<NodeTuple> tuples = mapping.getValue().stream()
                .map(tuple -> new NodeTuple(withoutLines(tuple.getKeyNode()), withoutLines(tuple.getValueNode()))).toList();
        return new MappingNode(mapping.getTag(), true, tuples, null, null, mapping.getFlowStyle());
    }

    /** File and line of a node; the file alone where it has no line. */
    public static String at(String where, Node node) {
        return node.getStartMark() == null ? where : where + ":" + (node.getStartMark().getLine() + 1);
    }

    /** What a node is, for messages: {@code "a text"}, a list or a mapping. */
    public static String shown(Node node) {
        return ConfigValue.shown(node);
    }
}
