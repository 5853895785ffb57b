package org.metaapo.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.error.UsageException;
import org.metaapo.files.HomeFolder;
import org.metaapo.files.Json;

/** The key {@code trackers}: names of trackers that are built in, and classes of the user's. */
public final class TrackerKeys {
    /** The key. */
    public static final String KEY = "trackers";
    /** Event files in the run's folder. */
    public static final String TENSORBOARD = "tensorboard";
    /** A server of MLflow. */
    public static final String MLFLOW = "mlflow";
    /** A server of Trackio. */
    public static final String TRACKIO = "trackio";

    private static final List<String> NAMES = List.of(TENSORBOARD, MLFLOW, TRACKIO);
    private static final String CLASS = "class";
    private static final String CLASS_PATH = "class_path";

    private static final Map<String, String> OTHERS = Map.of(
            "wandb", "wandb has no interface to send to; its wandb sync --sync-tensorboard reads what tracker tensorboard writes",
            "none", "leave trackers out for none",
            "all", "name those that are wanted");

    private TrackerKeys() {}

    /**
     * A tracker as a configuration names it.
     *
     * @param name of one that is built in, or of the class
     * @param isClass whether it is the user's
     * @param classPath jars and folders of the user's class
     */
    public record Item(String name, boolean isClass, List<Path> classPath) {
        /** As the command line takes it. */
        public String shown() {
            return isClass ? "{class: " + name + (classPath.isEmpty() ? "" : ", class_path: " + classPath) + "}" : name;
        }
    }

    /** What a configuration names, which {@link #check} has found in order. */
    public static List<Item> items(RunConfig config) {
        return items(config, KEY);
    }

    /**
     * Checks names and fields.
     *
     * @throws UsageException naming the word or the field
     */
    static void check(RunConfig config, String where) {
        Set<String> seen = new LinkedHashSet<>();
        for (Item item : items(config, where + ": " + KEY)) {
            if (!seen.add(item.name())) {
                throw new UsageException(where + ": " + KEY + " names " + item.name() + " twice");
            }
        }
    }

    private static List<Item> items(RunConfig config, String where) {
        List<Item> items = new ArrayList<>();
        for (String text : config.texts(KEY)) {
            items.add(text.startsWith("{") ? ofClass((ObjectNode) Json.parse(text, where), where) : ofName(text, where));
        }
        return items;
    }

    private static Item ofName(String name, String where) {
        if (NAMES.contains(name)) {
            return new Item(name, false, List.of());
        }
        String advice = OTHERS.get(name);
        throw new UsageException(where + " has \"" + name + "\"; expected " + String.join(", ", NAMES) + " or {class: …}"
                + (advice == null ? "" : "; " + advice));
    }

    private static Item ofClass(ObjectNode object, String where) {
        object.fieldNames().forEachRemaining(name -> {
            if (!name.equals(CLASS) && !name.equals(CLASS_PATH)) {
                throw new UsageException(where + " has a mapping with \"" + name + "\"; expected " + CLASS + ", the name of a class of yours, and " + CLASS_PATH);
            }
        });
        JsonNode name = object.path(CLASS);
        if (!name.isTextual() || name.asText().isBlank()) {
            throw new UsageException(where + ": " + CLASS + " is " + Json.describe(name) + "; expected the name of a class of yours");
        }
        List<Path> classPath = new ArrayList<>();
        JsonNode paths = object.path(CLASS_PATH);
        for (JsonNode path : paths.isArray() ? paths : paths.isMissingNode() ? Json.mapper().createArrayNode() : Json.mapper().createArrayNode().add(paths)) {
            if (!path.isTextual() || path.asText().isBlank()) {
                throw new UsageException(where + ": " + CLASS_PATH + " has " + Json.describe(path) + "; expected jars and folders");
            }
            classPath.add(Path.of(HomeFolder.expanded(path.asText())));
        }
        return new Item(name.asText(), true, List.copyOf(classPath));
    }
}
