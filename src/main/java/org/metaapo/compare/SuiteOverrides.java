package org.metaapo.compare;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.config.ConfigKeys;
import org.metaapo.config.Nearest;
import org.metaapo.config.RunConfig;
import org.metaapo.config.YamlText;
import org.metaapo.error.UsageException;
import org.yaml.snakeyaml.DumperOptions.FlowStyle;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * What the command line gives in place of a suite's own: its keys, the world's as {@code world.KEY}, and configuration keys of all methods as
 * {@code common.KEY}. Their nodes have no lines.
 */
final class SuiteOverrides {
    /** Names the command line in messages. */
    static final String WHERE = "command line";

    private static final String WORLD = "world";
    private static final String COMMON = "common";
    private static final String METHODS = "methods";

    private final Map<String, Node> top = new LinkedHashMap<>();
    private final Map<String, Node> world = new LinkedHashMap<>();
    private final Map<String, Node> common = new LinkedHashMap<>();

    /**
     * Of texts of the form {@code KEY=VALUE}; the last of a key counts.
     *
     * @param known keys of a suite
     * @throws UsageException for a key that is none of a suite's, or that says nothing without its method
     */
    SuiteOverrides(List<String> overrides, List<String> known) {
        for (String override : overrides) {
            String name = override.substring(0, override.indexOf('='));
            int dot = name.indexOf('.');
            String group = dot < 0 ? name : name.substring(0, dot);
            Node value = YamlText.value(override.substring(name.length() + 1), WHERE + ": " + name);
            if (dot >= 0 && group.equals(COMMON)) {
                common.put(name.substring(dot + 1), value);
            } else if (dot >= 0 && group.equals(WORLD)) {
                world.put(name.substring(dot + 1), value);
            } else if (dot < 0 && known.contains(name) && !name.equals(COMMON) && !name.equals(METHODS)) {
                top.put(name, value);
                if (name.equals(WORLD)) {
                    world.clear();
                }
            } else {
                throw new UsageException(WHERE + ": " + advice(name, group, known));
            }
        }
    }

    private static String advice(String name, String group, List<String> known) {
        if (group.equals(METHODS)) {
            return name + ": keys of a method are given in the suite's file; expected keys of all methods, as common.KEY";
        }
        if (name.equals(COMMON)) {
            return name + " holds keys of all methods; expected each as common.KEY=VALUE";
        }
        if (name.equals("seed")) {
            return name + " is set by the suite; expected seeds, as seeds=3 or seeds=[1, 2, 3]";
        }
        if (ConfigKeys.find(name) != null || ConfigKeys.groups().contains(name)) {
            return name + " is a key of a run; expected common." + name + ", which all methods have";
        }
        return "unknown key " + name + " of a suite; " + new Nearest(known).hint(group);
    }

    /** The suite's keys with those of the command line over them. */
    Map<String, Node> over(Map<String, Node> keys, String where) {
        Map<String, Node> all = new LinkedHashMap<>(keys);
        all.putAll(top);
        if (!world.isEmpty()) {
            all.put(WORLD, world(all.get(WORLD), where));
        }
        return all;
    }

    private Node world(Node given, String where) {
        if (given != null && !(given instanceof MappingNode)) {
            throw new UsageException(WHERE + ": world." + world.keySet().iterator().next() + " is given, and world is " + YamlText.shown(given)
                    + (given.getStartMark() == null ? "" : " in " + YamlText.at(where, given)) + "; expected it whole, as world={name: paper, charm: 0.3}");
        }
        Map<String, NodeTuple> tuples = new LinkedHashMap<>();
        if (given instanceof MappingNode mapping) {
            mapping.getValue().forEach(tuple -> tuples.put(tuple.getKeyNode() instanceof ScalarNode key ? key.getValue() : tuple.toString(), tuple));
        }
        world.forEach((key, value) -> tuples.put(key, tuple(key, value)));
        return mapping(new ArrayList<>(tuples.values()));
    }

    /** Configuration keys of all methods, which go before the suite's own common ones. */
    RunConfig.Layer common() {
        return new RunConfig.Layer(
                common.isEmpty() ? null : mapping(common.entrySet().stream().map(entry -> tuple(entry.getKey(), entry.getValue())).toList()), WHERE, true);
    }

    private static NodeTuple tuple(String key, Node value) {
        return new NodeTuple(new ScalarNode(Tag.STR, true, key, null, null, ScalarStyle.PLAIN), value);
    }

    private static MappingNode mapping(List<NodeTuple> tuples) {
        return new MappingNode(Tag.MAP, true, tuples, null, null, FlowStyle.BLOCK);
    }
}
