package org.metaapo.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.metaapo.files.Json;

/**
 * The lines of a run's metrics.jsonl as far as equal runs share them: without what a clock, the machine's memory and the folder's name
 * decide, and without the lines of phases, which a stop and a resume change.
 */
public final class Course {
    private static final Pattern OWN = Pattern.compile("time|seconds.*|tokens_per_second|memory|name");

    private Course() {}

    /** The lines of the run in a folder. */
    public static List<JsonNode> of(Path folder) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve("metrics.jsonl"))) {
            ObjectNode object = (ObjectNode) Json.parse(line, "metrics");
            List<String> names = new ArrayList<>();
            object.fieldNames().forEachRemaining(names::add);
            names.stream().filter(name -> OWN.matcher(name).matches()).forEach(object::remove);
            if (!object.path("kind").asText().equals("phase")) {
                lines.add(object);
            }
        }
        return lines;
    }

    /** The lines as texts. */
    public static List<String> texts(Path folder) throws IOException {
        return of(folder).stream().map(JsonNode::toString).toList();
    }
}
