package org.metaapo.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.metaapo.error.UsageException;
import org.metaapo.files.HomeFolder;
import org.metaapo.files.Json;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Reads a key's value from its YAML node by the key's own type: the scalar's text counts, not YAML's guess, by which
 * {@code 5e-7} is a text, {@code yes} a boolean and {@code 0777} octal.
 */
final class ConfigValue {
    private ConfigValue() {}

    /** The value, or null for YAML's null. */
    static Object read(ConfigKey key, Node node, String where) {
        if (node.getTag().equals(Tag.NULL) && !isHome(key, node)) {
            return null;
        }
        return switch (key.type()) {
            case PATHS, TEXTS, REALS, ITEMS -> list(key, node, where);
            case OBJECT -> ObjectValue.read(key, node, where);
            default -> scalar(key, node, where);
        };
    }

    /** YAML has {@code ~} for null too; as a path it is the home folder. */
    private static boolean isHome(ConfigKey key, Node node) {
        return (key.type() == ConfigKey.Type.PATH || key.type() == ConfigKey.Type.PATHS)
                && node instanceof ScalarNode scalar && scalar.getValue().equals("~");
    }

    private static Object list(ConfigKey key, Node node, String where) {
        List<Node> nodes = node instanceof SequenceNode sequence ? sequence.getValue() : List.of(node);
        List<Object> values = new ArrayList<>();
        for (Node item : nodes) {
            if (key.type() == ConfigKey.Type.ITEMS && isObject(item)) {
                values.add(ObjectValue.read(key, item, where));
                continue;
            }
            if (!(item instanceof ScalarNode scalar)) {
                throw wrong(key, item, where);
            }
            values.add(key.type() == ConfigKey.Type.REALS ? real(key, scalar, where) : text(key, scalar, where));
        }
        return List.copyOf(values);
    }

    private static boolean isObject(Node item) {
        return item instanceof MappingNode || item instanceof ScalarNode scalar && scalar.getValue().startsWith("{");
    }

    private static Object scalar(ConfigKey key, Node node, String where) {
        if (!(node instanceof ScalarNode scalar)) {
            throw wrong(key, node, where);
        }
        return switch (key.type()) {
            case INTEGER -> integer(key, scalar, where);
            case REAL -> real(key, scalar, where);
            case BOOLEAN -> bool(key, scalar, where);
            case CHOICE -> choice(key, scalar, where);
            default -> text(key, scalar, where);
        };
    }

    private static String text(ConfigKey key, ScalarNode node, String where) {
        if (node.getValue().isBlank()) {
            throw new UsageException(where + ": " + key.name() + " is empty");
        }
        // Words of a command, and texts that may be a folder, begin so too.
        String text = HomeFolder.expanded(node.getValue());
        if (key.type() == ConfigKey.Type.PATH || key.type() == ConfigKey.Type.PATHS) {
            try {
                Path.of(text);
            } catch (InvalidPathException e) {
                throw new UsageException(where + ": " + key.name() + " is " + shown(node) + ", which cannot name a file", e);
            }
        }
        return text;
    }

    private static Long integer(ConfigKey key, ScalarNode node, String where) {
        try {
            // Trainers elsewhere take a float where a whole number is meant, such as num_train_epochs: 3.0.
            long value = Long.parseLong(node.getValue().replace("_", "").replaceFirst("\\.0*$", ""));
            inRange(key, value, where);
            return value;
        } catch (NumberFormatException e) {
            throw wrong(key, node, where);
        }
    }

    private static Double real(ConfigKey key, ScalarNode node, String where) {
        try {
            double value = Double.parseDouble(node.getValue());
            if (!Double.isFinite(value)) {
                throw wrong(key, node, where);
            }
            inRange(key, value, where);
            return value;
        } catch (NumberFormatException e) {
            throw wrong(key, node, where);
        }
    }

    private static void inRange(ConfigKey key, double value, String where) {
        if (value < key.low() || value > key.high()) {
            throw new UsageException(where + ": " + key.name() + " is " + number(value) + "; expected " + number(key.low())
                    + " to " + number(key.high()));
        }
    }

    private static String number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e15 ? Long.toString((long) value) : Double.toString(value);
    }

    private static Boolean bool(ConfigKey key, ScalarNode node, String where) {
        if (node.getValue().equals("true") || node.getValue().equals("false")) {
            return node.getValue().equals("true");
        }
        throw wrong(key, node, where);
    }

    private static String choice(ConfigKey key, ScalarNode node, String where) {
        if (!key.choices().contains(node.getValue())) {
            throw new UsageException(where + ": " + key.name() + " is " + shown(node) + "; expected one of "
                    + String.join(", ", key.choices()) + ForeignValues.advice(key, node.getValue()));
        }
        return node.getValue();
    }

    private static UsageException wrong(ConfigKey key, Node node, String where) {
        return new UsageException(where + ": " + key.name() + " is " + shown(node) + "; expected " + key.type().shown());
    }

    static String shown(Node node) {
        return node instanceof ScalarNode scalar ? Json.write(scalar.getValue()) : node instanceof MappingNode ? "a mapping" : "a list";
    }

    static String yaml(Object value) {
        if (value == null) {
            return "null";
        }
        if (value instanceof List<?> list) {
            return list.stream().map(ConfigValue::yaml).collect(Collectors.joining(", ", "[", "]"));
        }
        if (value instanceof String s) {
            return Json.write(s);
        }
        return value.toString();
    }
}
