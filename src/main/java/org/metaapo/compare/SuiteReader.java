package org.metaapo.compare;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.config.Nearest;
import org.metaapo.config.RunConfig;
import org.metaapo.config.YamlText;
import org.metaapo.demo.WorldTerms;
import org.metaapo.error.UsageException;
import org.metaapo.files.HomeFolder;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** Reads a suite's YAML as strictly as a configuration. */
final class SuiteReader {
    private static final List<String> KEYS =
            List.of("out", "starts", "world", "seeds", "threads", "parallel", "answers", "baseline", "common", "methods");
    private static final List<String> WORLD_KEYS = List.of("prompts", "validation");
    private static final Set<String> SET_BY_SUITE = Set.of("out", "seed", "threads");
    private static final int MOST_SETTINGS = 64;
    private static final int MOST_SEEDS = 1000;
    private static final int MOST_THREADS = 4096;
    private static final int MOST_AMOUNT = 1000;

    private final String where;
    private final Map<String, Node> keys;
    private final RunConfig.Layer given;

    private SuiteReader(String where, Node root, SuiteOverrides overrides) {
        this.where = where;
        this.keys = overrides.over(mapping(root, "the suite", KEYS), where);
        this.given = overrides.common();
    }

    /** Of a text, with overrides {@code KEY=VALUE}. */
    static SuiteMap read(String yaml, String where, List<String> overrides) {
        Node root = YamlText.compose(yaml, where);
        if (root == null) {
            throw new UsageException(where + ": empty; expected a suite with out, world and methods");
        }
        return new SuiteReader(where, root, new SuiteOverrides(overrides, KEYS)).map();
    }

    private SuiteMap map() {
        Path out = path(required("out"), "out");
        Path starts = keys.containsKey("starts") && keys.get("starts").getTag() != Tag.NULL ? path(keys.get("starts"), "starts") : out.resolve("starts");
        List<SuiteMap.Cell> cells = new ArrayList<>();
        for (Map<String, Double> amounts : amounts()) {
            String name = String.join(",", amounts.entrySet().stream().map(amount -> amount.getKey() + "=" + shown(amount.getValue())).toList());
            cells.add(new SuiteMap.Cell(amounts, suite(amounts.isEmpty() ? out : out.resolve(name), starts, amounts)));
        }
        return new SuiteMap(where, out, List.copyOf(cells));
    }

    private static String shown(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }

    private Suite suite(Path out, Path starts, Map<String, Double> amounts) {
        int threads = integer("threads", 1, 1, MOST_THREADS);
        int cores = Runtime.getRuntime().availableProcessors();
        int parallel = integer("parallel", 0, 0, MOST_THREADS);
        List<Method> methods = methods();
        Suite suite = new Suite(
                where, out, starts, terms(amounts), own(), seeds(), threads, parallel > 0 ? parallel : Math.max(1, cores / threads),
                integer("answers", 1, 1, 1024), baseline(methods),
                List.of(layer(keys.get("common"), where, "common"), layer(given.node(), given.where(), "common")), methods);
        checkGrids(suite);
        methods.forEach(method -> checkAfter(method, methods));
        return suite;
    }

    private UsageException wrong(Node node, String text) {
        return new UsageException((node.getStartMark() == null ? SuiteOverrides.WHERE : YamlText.at(where, node)) + ": " + text);
    }

    /** Keys of a mapping in their order; only {@code known} ones, where that is not null. */
    private Map<String, Node> mapping(Node node, String name, List<String> known) {
        if (!(node instanceof MappingNode mapping)) {
            throw wrong(node, "expected keys and values for " + name + ", found " + YamlText.shown(node));
        }
        Map<String, Node> found = new LinkedHashMap<>();
        for (NodeTuple tuple : mapping.getValue()) {
            if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
                throw wrong(tuple.getKeyNode(), "a key must be a word");
            }
            if (known != null && !known.contains(key.getValue())) {
                throw wrong(key, "unknown key " + key.getValue() + " in " + name + "; "
                        + new Nearest(known).hint(key.getValue()));
            }
            if (found.put(key.getValue(), tuple.getValueNode()) != null) {
                throw wrong(key, "key " + key.getValue() + " is given twice");
            }
        }
        return found;
    }

    private Node required(String name) {
        Node node = keys.get(name);
        if (node == null) {
            throw new UsageException(where + ": " + name + " is not set; it has no default");
        }
        return node;
    }

    private String word(Node node, String name) {
        if (node instanceof ScalarNode scalar && !scalar.getValue().isBlank()) {
            return scalar.getValue();
        }
        throw wrong(node, name + " is " + YamlText.shown(node) + "; expected a text");
    }

    private Path path(Node node, String name) {
        try {
            return Path.of(HomeFolder.expanded(word(node, name)));
        } catch (InvalidPathException e) {
            throw wrong(node, name + " is " + YamlText.shown(node) + ", which cannot name a file");
        }
    }

    private List<Path> paths(Node node, String name) {
        return node == null ? List.of() : items(node).stream().map(item -> path(item, name)).toList();
    }

    private static List<Node> items(Node node) {
        return node instanceof SequenceNode sequence ? sequence.getValue() : List.of(node);
    }

    private long integer(Node node, String name, long low, long high) {
        try {
            long value = Long.parseLong(node instanceof ScalarNode scalar ? scalar.getValue().replace("_", "") : "");
            if (value >= low && value <= high) {
                return value;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw wrong(node, name + " is " + YamlText.shown(node) + "; expected a whole number from " + low + " to " + high);
    }

    private int integer(String name, int fallback, int low, int high) {
        return keys.containsKey(name) ? (int) integer(keys.get(name), name, low, high) : fallback;
    }

    private List<Long> seeds() {
        Node node = required("seeds");
        List<Long> seeds = new ArrayList<>();
        for (Node item : items(node)) {
            long seed = integer(item, "seeds", 0, Long.MAX_VALUE);
            if (seeds.contains(seed)) {
                throw wrong(item, "seed " + seed + " is given twice");
            }
            seeds.add(seed);
        }
        if (seeds.isEmpty() || seeds.size() > MOST_SEEDS) {
            throw wrong(node, "seeds has " + seeds.size() + " numbers; expected 1 to " + MOST_SEEDS);
        }
        return List.copyOf(seeds);
    }

    /** What each world of a map has of its own: all combinations of the amounts that are lists. One without any where there is no list. */
    private List<Map<String, Double>> amounts() {
        List<Map<String, Double>> cells = List.of(Map.of());
        int lists = 0;
        for (Map.Entry<String, Node> entry : worldKeys().entrySet()) {
            if (entry.getValue() instanceof SequenceNode) {
                lists++;
                List<Map<String, Double>> longer = new ArrayList<>();
                for (Map<String, Double> cell : cells) {
                    for (Node item : items(entry.getValue())) {
                        Map<String, Double> both = new LinkedHashMap<>(cell);
                        both.put(entry.getKey(), amount(item, "world." + entry.getKey()));
                        longer.add(both);
                    }
                }
                cells = longer;
            }
        }
        if (lists > 2 || cells.isEmpty() || cells.size() > MOST_SETTINGS || cells.stream().distinct().count() < cells.size()) {
            throw wrong(required("world"), "world has " + lists + " lists and " + cells.size() + " combinations; expected at most 2 lists and 1 to "
                    + MOST_SETTINGS + " combinations, none of them twice");
        }
        return cells;
    }

    /** Names and amounts of a world that is made, checked; empty where the suite has its own. */
    private Map<String, Node> worldKeys() {
        Node node = required("world");
        if (node instanceof ScalarNode || !mapping(node, "world", null).containsKey("name")) {
            return Map.of();
        }
        List<String> known = new ArrayList<>(List.of("name"));
        known.addAll(WorldTerms.amounts());
        Map<String, Node> found = mapping(node, "world", known);
        if (!(found.get("name") instanceof ScalarNode)) {
            throw wrong(found.get("name"), "world.name is " + YamlText.shown(found.get("name")) + "; expected " + String.join(", ", WorldTerms.names()));
        }
        return found;
    }

    /** Of a world that is made, with the amounts of a map's cell; null where the suite has its own. */
    private WorldTerms terms(Map<String, Double> cell) {
        Node node = required("world");
        Map<String, Node> found = worldKeys();
        if (found.isEmpty()) {
            return node instanceof ScalarNode ? named(node) : null;
        }
        WorldTerms terms = named(found.get("name"));
        for (Map.Entry<String, Node> amount : found.entrySet()) {
            String key = amount.getKey();
            if (!key.equals("name")) {
                terms = terms.with(key, cell.containsKey(key) ? cell.get(key) : amount(amount.getValue(), "world." + key));
            }
        }
        return terms;
    }

    private WorldTerms named(Node node) {
        WorldTerms terms = node instanceof ScalarNode scalar ? WorldTerms.of(scalar.getValue()) : null;
        if (terms == null) {
            throw wrong(node, "world is " + YamlText.shown(node) + "; expected " + String.join(", ", WorldTerms.names())
                    + ", or the files of your prompts: {prompts: [test.jsonl]}");
        }
        return terms;
    }

    private double amount(Node node, String name) {
        try {
            double value = Double.parseDouble(word(node, name));
            if (value >= 0 && value <= MOST_AMOUNT) {
                return value;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw wrong(node, name + " is " + YamlText.shown(node) + "; expected a number from 0 to " + MOST_AMOUNT);
    }

    /** The user's prompts; null where a world is made. */
    private OwnSeed own() {
        Node node = required("world");
        if (node instanceof ScalarNode || !worldKeys().isEmpty()) {
            return null;
        }
        Map<String, Node> found = mapping(node, "world", WORLD_KEYS);
        List<Path> prompts = paths(found.get("prompts"), "world.prompts");
        if (prompts.isEmpty()) {
            throw wrong(node, "world.prompts is not set; expected files with the prompts to test on");
        }
        return new OwnSeed(prompts, paths(found.get("validation"), "world.validation"));
    }

    private RunConfig.Layer layer(Node node, String from, String name) {
        if (node != null) {
            for (NodeTuple tuple : ((MappingNode) mappingOf(node, name)).getValue()) {
                if (tuple.getKeyNode() instanceof ScalarNode key && SET_BY_SUITE.contains(key.getValue())) {
                    throw wrong(key, key.getValue() + " under " + name + " is set by the suite; expected it at the top level"
                            + (key.getValue().equals("seed") ? ", as seeds" : ""));
                }
            }
        }
        return new RunConfig.Layer(node, from, name.equals("common"));
    }

    private Node mappingOf(Node node, String name) {
        mapping(node, name, null);
        return node;
    }

    private List<Method> methods() {
        Node node = required("methods");
        List<Method> methods = new ArrayList<>();
        mapping(node, "methods", null).forEach((name, value) -> methods.add(method(name, value)));
        if (methods.isEmpty()) {
            throw wrong(node, "methods is empty; expected a name and configuration keys for each");
        }
        return List.copyOf(methods);
    }

    private Method method(String name, Node node) {
        // The name is a folder too.
        if (!name.matches("[A-Za-z0-9][A-Za-z0-9._+=-]{0,63}") || name.equals(Suite.START) || name.equals("world")) {
            throw wrong(node, "a method is named \"" + name + "\"; expected letters, digits and . _ + = -, and neither " + Suite.START
                    + " (the row of the start) nor world");
        }
        mapping(node, "method " + name, null);
        MappingNode all = (MappingNode) node;
        Node grid = null;
        Node after = null;
        List<NodeTuple> others = new ArrayList<>();
        for (NodeTuple tuple : all.getValue()) {
            switch (((ScalarNode) tuple.getKeyNode()).getValue()) {
                case "grid" -> grid = tuple.getValueNode();
                case "after" -> after = tuple.getValueNode();
                default -> others.add(tuple);
            }
        }
        MappingNode rest = new MappingNode(all.getTag(), true, others, all.getStartMark(), all.getEndMark(), all.getFlowStyle());
        return new Method(name, layer(rest, where, "method " + name), after == null ? null : word(after, "after of " + name), grid(name, grid));
    }

    /** All combinations of the grid's values. */
    private List<List<String>> grid(String method, Node node) {
        List<List<String>> settings = List.of(List.of());
        if (node == null) {
            return settings;
        }
        for (Map.Entry<String, Node> entry : mapping(node, "grid of " + method, null).entrySet()) {
            if (SET_BY_SUITE.contains(entry.getKey())) {
                throw wrong(node, entry.getKey() + " is set by the suite; it cannot be in a grid");
            }
            Set<String> values = new LinkedHashSet<>();
            for (Node item : items(entry.getValue())) {
                if (!values.add(entry.getKey() + "=" + word(item, "a value of " + entry.getKey()))) {
                    throw wrong(item, "a value of " + entry.getKey() + " is given twice");
                }
            }
            List<List<String>> longer = new ArrayList<>();
            for (List<String> setting : settings) {
                for (String value : values) {
                    List<String> both = new ArrayList<>(setting);
                    both.add(value);
                    longer.add(List.copyOf(both));
                }
            }
            settings = longer;
        }
        if (settings.isEmpty() || settings.size() > MOST_SETTINGS) {
            throw wrong(node, "the grid of " + method + " has " + settings.size() + " settings; expected 1 to " + MOST_SETTINGS);
        }
        return List.copyOf(settings);
    }

    private String baseline(List<Method> methods) {
        List<String> names = new ArrayList<>(methods.stream().map(Method::name).toList());
        if (!keys.containsKey("baseline")) {
            return names.contains("metaapo") ? "metaapo" : names.get(0);
        }
        names.add(Suite.START);
        String name = word(keys.get("baseline"), "baseline");
        if (!names.contains(name)) {
            List<String> near = new Nearest(names).to(name);
            throw wrong(keys.get("baseline"), "baseline is \"" + name + "\"; expected one of " + String.join(", ", names)
                    + (near.isEmpty() ? "" : " (nearest: " + near.get(0) + ")"));
        }
        return name;
    }

    /** A method begins with the result of one that stands above it, so that there is no circle. */
    private void checkAfter(Method method, List<Method> methods) {
        if (method.after() == null) {
            return;
        }
        List<Method> above = methods.subList(0, methods.indexOf(method));
        Method start = above.stream().filter(other -> other.name().equals(method.after())).findFirst().orElse(null);
        if (start == null || start.hasGrid() || method.hasGrid()) {
            throw new UsageException(where + ": method " + method.name() + " comes after \"" + method.after()
                    + "\"; expected the name of a method above it, and a grid at neither");
        }
    }

    /** Equal budgets: whoever chooses at all chooses among equally many settings. */
    private void checkGrids(Suite suite) {
        List<Method> choosing = suite.methods().stream().filter(Method::hasGrid).toList();
        for (Method method : choosing) {
            if (method.grid().size() != choosing.get(0).grid().size()) {
                throw new UsageException(where + ": the grid of " + method.name() + " has " + method.grid().size() + " settings, that of "
                        + choosing.get(0).name() + " " + choosing.get(0).grid().size() + "; expected equally many, for equal budgets");
            }
        }
        if (!choosing.isEmpty() && suite.own() != null && suite.own().validation().isEmpty()) {
            throw new UsageException(where + ": method " + choosing.get(0).name() + " has a grid, and world.validation is not set; expected "
                    + "files with prompts to choose on");
        }
    }
}
