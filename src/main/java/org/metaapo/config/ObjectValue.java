package org.metaapo.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * An object of JSON in a configuration: a YAML mapping, or its JSON as a text. A plain scalar is a number, true, false or null where
 * JSON says so, and else a text.
 */
final class ObjectValue {
    private ObjectValue() {}

    /** The object as JSON on one line. */
    static String read(ConfigKey key, Node node, String where) {
        JsonNode value = node instanceof ScalarNode scalar ? parsed(scalar.getValue()) : json(node, where);
        if (!(value instanceof ObjectNode)) {
            throw new UsageException(where + ": " + key.name() + " is " + ConfigValue.shown(node) + "; expected " + key.type().shown());
        }
        return Json.write(value);
    }

    private static JsonNode json(Node node, String where) {
        if (node instanceof MappingNode mapping) {
            ObjectNode object = Json.mapper().createObjectNode();
            for (NodeTuple entry : mapping.getValue()) {
                if (!(entry.getKeyNode() instanceof ScalarNode name)) {
                    throw new UsageException(where + ": a key must be a word");
                }
                object.set(name.getValue(), json(entry.getValueNode(), where));
            }
            return object;
        }
        if (node instanceof SequenceNode sequence) {
            ArrayNode array = Json.mapper().createArrayNode();
            sequence.getValue().forEach(item -> array.add(json(item, where)));
            return array;
        }
        ScalarNode scalar = (ScalarNode) node;
        JsonNode value = scalar.getScalarStyle() == DumperOptions.ScalarStyle.PLAIN ? parsed(scalar.getValue()) : null;
        return value == null ? TextNode.valueOf(scalar.getValue()) : value;
    }

    /** The JSON of a text, or null if it is none. */
    private static JsonNode parsed(String text) {
        try {
            JsonNode value = Json.mapper().readTree(text);
            return value == null || value.isMissingNode() ? null : value;
        } catch (JsonProcessingException e) {
            return null;
        }
    }
}
