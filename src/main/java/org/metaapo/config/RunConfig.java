package org.metaapo.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.metaapo.error.UsageException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;

/** A checked configuration. Values are read by the keys of {@link ConfigKeys}; every key has a value or is absent by design. */
public final class RunConfig {
    private static final String COMMAND_LINE = "command line";

    private final Map<String, Object> values;

    private RunConfig(Map<String, Object> values) {
        this.values = values;
    }

    /**
     * Reads a YAML file and applies overrides of the form {@code key=value}.
     *
     * @throws UsageException for an unknown key (names the nearest), a wrong type, a value out of range, or YAML that does
     *     not parse; with file, line and key
     */
    public static RunConfig load(Path file, List<String> overrides) {
        return parse(YamlText.read(file), file.toString(), overrides);
    }

    /** As {@link #load}, from text; {@code where} names it in messages. */
    public static RunConfig parse(String yaml, String where, List<String> overrides) {
        try {
            return layered(List.of(new Layer(YamlText.compose(yaml, where), where, false)), where, overrides);
        } catch (UsageException e) {
            throw overrides.stream().anyMatch(override -> isAbout(e, where, override))
                    ? new UsageException(COMMAND_LINE + e.getMessage().substring(where.length()), e) : e;
        }
    }

    /** Whether a key's value is refused that is given by an override, and not by the text. */
    private static boolean isAbout(UsageException refusal, String where, String override) {
        return refusal.getMessage().startsWith(where + ": " + override.substring(0, Math.max(0, override.indexOf('='))) + " is ");
    }

    /**
     * Keys and values of one text.
     *
     * @param node the mapping, or null for none
     * @param where names the text in messages
     * @param shared whether other runs have the keys too, so that one that this run does not read is no mistake
     */
    public record Layer(Node node, String where, boolean shared) {}

    /** As {@link #parse}, from several mappings: a later one's value of a key goes before an earlier one's. */
    public static RunConfig layered(List<Layer> layers, String where, List<String> overrides) {
        Map<String, Object> given = new LinkedHashMap<>();
        Map<String, Object> own = new LinkedHashMap<>();
        for (Layer layer : layers) {
            if (layer.node() != null) {
                Map<String, Object> read = new LinkedHashMap<>();
                readMapping("", layer.node(), layer.where(), read);
                given.putAll(read);
                (layer.shared() ? given : own).putAll(read);
            }
        }
        override(given, overrides);
        override(own, overrides);
        RunConfig config = new RunConfig(complete(given));
        config.checkTogether(where);
        UnreadKeys.check(config, where, own.keySet());
        return config;
    }

    /** The table's defaults, over them the recipe's, over them what was given; a given null is the default. */
    private static Map<String, Object> complete(Map<String, Object> given) {
        Map<String, Object> values = new LinkedHashMap<>();
        ConfigKeys.all().forEach(key -> values.put(key.name(), key.fallback()));
        Object recipe = given.get("recipe");
        values.putAll(RecipeKeys.defaults((String) (recipe == null ? values.get("recipe") : recipe)));
        values.putAll(AdapterKeys.defaults(given));
        given.forEach((name, value) -> {
            if (value != null) {
                values.put(name, value);
            }
        });
        values.replaceAll((name, value) -> value instanceof ConfigKey.Derived derived ? derived.of(values) : value);
        return values;
    }

    /**
     * The defaults with overrides of {@code reward.*} alone, for commands that need a source of rewards and no run.
     *
     * @throws UsageException as {@link #load}, and if no source is named
     */
    public static RunConfig reward(List<String> overrides) {
        RunConfig config = defaults(overrides);
        RewardKeys.check(config, "--reward", true);
        return config;
    }

    /**
     * The defaults with trackers alone, for commands that need them and no run.
     *
     * @throws UsageException as {@link #load}
     */
    public static RunConfig trackers(List<String> names) {
        RunConfig config = defaults(List.of(TrackerKeys.KEY + "=[" + String.join(", ", names) + "]"));
        TrackerKeys.check(config, "--tracker");
        return config;
    }

    /**
     * The defaults with overrides, for commands without a run: keys that a run must have may be missing.
     *
     * @throws UsageException as {@link #load}
     */
    public static RunConfig defaults(List<String> overrides) {
        Map<String, Object> given = new LinkedHashMap<>();
        override(given, overrides);
        RunConfig config = new RunConfig(complete(given));
        config.checkLengths("override");
        return config;
    }

    private static void override(Map<String, Object> values, List<String> overrides) {
        for (String override : overrides) {
            int equals = override.indexOf('=');
            if (equals <= 0) {
                throw new UsageException("override \"" + override + "\"; expected key=value, such as train.batch=32");
            }
            ConfigKey key = known(override.substring(0, equals), "override");
            String where = "override of " + key.name();
            values.put(key.name(), ConfigValue.read(key, YamlText.value(override.substring(equals + 1), where), where));
        }
    }

    private static ConfigKey known(String name, String where) {
        ConfigKey key = ConfigKeys.find(name);
        if (key == null) {
            throw new UsageException(where + ": unknown key " + name + "; " + KeyAdvice.of(name));
        }
        return key;
    }

    private static void readMapping(String prefix, Node node, String where, Map<String, Object> values) {
        if (!(node instanceof MappingNode mapping)) {
            String advice = node instanceof ScalarNode && !prefix.isEmpty() ? KeyAdvice.ofGroup(prefix) : null;
            throw new UsageException(YamlText.at(where, node) + ": expected keys and values"
                    + (prefix.isEmpty() ? "" : " under " + prefix) + ", found " + ConfigValue.shown(node) + (advice == null ? "" : "; " + advice));
        }
        List<String> seen = new ArrayList<>();
        for (NodeTuple tuple : mapping.getValue()) {
            if (!(tuple.getKeyNode() instanceof ScalarNode keyNode)) {
                throw new UsageException(YamlText.at(where, tuple.getKeyNode()) + ": a key must be a word");
            }
            String name = prefix.isEmpty() ? keyNode.getValue() : prefix + "." + keyNode.getValue();
            if (seen.contains(name)) {
                throw new UsageException(YamlText.at(where, keyNode) + ": key " + name + " is given twice");
            }
            seen.add(name);
            boolean isGroup = ConfigKeys.all().stream().anyMatch(key -> key.name().startsWith(name + "."));
            if (isGroup) {
                readMapping(name, tuple.getValueNode(), where, values);
            } else {
                ConfigKey key = known(name, YamlText.at(where, keyNode));
                values.put(name, ConfigValue.read(key, tuple.getValueNode(), YamlText.at(where, tuple.getValueNode())));
            }
        }
    }

    private void checkTogether(String where) {
        require("out", where);
        require("model.path", where);
        if (text("out").equals("-")) {
            throw new UsageException(where + ": out is -, which is standard output; a run needs a folder");
        }
        if (paths("data.train").isEmpty()) {
            throw new UsageException(where + ": data.train is not set; expected a list of JSONL, JSON or Parquet files");
        }
        RecipeKeys.check(this, where);
        AdapterKeys.check(this, where);
        RewardKeys.check(this, where, RecipeKeys.needsRewards(this));
        TrackerKeys.check(this, where);
        if (reals("optimizer.betas").size() != 2) {
            throw new UsageException(where + ": optimizer.betas has " + reals("optimizer.betas").size() + " numbers; expected 2");
        }
        List<Double> weights = reals("data.weights");
        if (!weights.isEmpty() && (weights.size() != paths("data.train").size() || weights.stream().allMatch(w -> w == 0))) {
            throw new UsageException(where + ": data.weights has " + weights.size() + " numbers, data.train "
                    + paths("data.train").size() + " entries; expected a number for each, not all 0");
        }
        checkLengths(where);
    }

    private void checkLengths(String where) {
        if (integer("data.max_prompt_length") >= integer("data.max_length")) {
            throw new UsageException(where + ": data.max_prompt_length is " + integer("data.max_prompt_length")
                    + "; expected less than data.max_length, " + integer("data.max_length"));
        }
    }

    private void require(String name, String where) {
        if (values.get(name) == null) {
            throw new UsageException(where + ": " + name + " is not set; it has no default");
        }
    }

    /** Value of a text or choice key. */
    public String text(String name) {
        return (String) values.get(checked(name));
    }

    /** Value of a path key, or null. */
    public Path path(String name) {
        Object value = values.get(checked(name));
        return value == null ? null : Path.of((String) value);
    }

    /** Value of a key of paths. */
    public List<Path> paths(String name) {
        return ((List<?>) values.get(checked(name))).stream().map(p -> Path.of((String) p)).toList();
    }

    /** Value of a key of texts. */
    public List<String> texts(String name) {
        return ((List<?>) values.get(checked(name))).stream().map(String.class::cast).toList();
    }

    /** The value of a key as it is written, such as {@code [0.9, 0.95]}. */
    public String shown(String name) {
        return ConfigValue.yaml(values.get(checked(name)));
    }

    /** Whether a key has another value than its default. */
    public boolean isSet(String name) {
        return !Objects.equals(values.get(name), ConfigKeys.find(checked(name)).fallback(values));
    }

    /** Keys of another value than their default that the run does not read, in the table's order. */
    public List<String> unread() {
        return UnreadKeys.of(this);
    }

    /** Value of an integer key. */
    public long integer(String name) {
        return (Long) values.get(checked(name));
    }

    /** Value of an integer key that fits an int. */
    public int count(String name) {
        return Math.toIntExact(integer(name));
    }

    /** Value of a number key. */
    public double real(String name) {
        return (Double) values.get(checked(name));
    }

    /** Value of a number key without a default, or null. */
    public Double optional(String name) {
        return (Double) values.get(checked(name));
    }

    /** Value of a key of numbers. */
    public List<Double> reals(String name) {
        return ((List<?>) values.get(checked(name))).stream().map(x -> (Double) x).toList();
    }

    /** Value of a true-or-false key. */
    public boolean flag(String name) {
        return (Boolean) values.get(checked(name));
    }

    private static String checked(String name) {
        return Objects.requireNonNull(ConfigKeys.find(name), name).name();
    }

    /** A copy with one value replaced, for derived runs. */
    public RunConfig with(String name, Object value) {
        Map<String, Object> copy = new LinkedHashMap<>(values);
        copy.put(checked(name), value);
        return new RunConfig(copy);
    }

    /** The resolved configuration as YAML, every key with its value; {@link #load} reads it to an equal configuration. */
    public String toYaml() {
        StringBuilder out = new StringBuilder();
        String group = "";
        for (ConfigKey key : ConfigKeys.all()) {
            Object value = values.get(key.name());
            int dot = key.name().indexOf('.');
            String owner = dot < 0 ? "" : key.name().substring(0, dot);
            if (!owner.equals(group) && !owner.isEmpty()) {
                out.append(owner).append(":\n");
            }
            group = owner;
            out.append(dot < 0 ? "" : "  ").append(key.name().substring(dot + 1)).append(": ")
                    .append(ConfigValue.yaml(value)).append('\n');
        }
        return out.toString();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof RunConfig config && values.equals(config.values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }
}
