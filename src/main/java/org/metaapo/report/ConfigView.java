package org.metaapo.report;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.metaapo.config.YamlText;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/** A configuration as keys with dots and their values, so that those of several runs can be compared. */
final class ConfigView {
    private ConfigView() {}

    /** Keys and values of a text; none of one that is not YAML. */
    static ObjectNode keys(String yaml) {
        ObjectNode keys = Json.mapper().createObjectNode();
        try {
            add(keys, "", YamlText.compose(yaml, "config.yaml"));
        } catch (UsageException e) {
            return Json.mapper().createObjectNode();
        }
        return keys;
    }

    private static void add(ObjectNode keys, String name, Node node) {
        if (node instanceof MappingNode mapping) {
            for (NodeTuple entry : mapping.getValue()) {
                add(keys, (name.isEmpty() ? "" : name + ".") + text(entry.getKeyNode()), entry.getValueNode());
            }
        } else if (node != null && !name.isEmpty()) {
            keys.put(name, text(node));
        }
    }

    private static String text(Node node) {
        if (node instanceof ScalarNode scalar) {
            return scalar.getValue();
        }
        if (node instanceof SequenceNode list) {
            return String.join(", ", list.getValue().stream().map(ConfigView::text).toList());
        }
        return "…";
    }
}
