package org.metaapo.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.metaapo.files.Json;

/**
 * What the lines of a run's {@code metrics.jsonl} come to, in memory that does not grow with their number: curves, the meta-learner over
 * time, the last line of each kind, and how long phases took. Unknown keys and kinds become curves like known ones.
 */
public final class RunView {
    /** Numbers that say where a line belongs, or are wanted only as they are last. */
    private static final Set<String> NO_CURVE = Set.of("step", "epoch", "slice", "time", "seconds_left", "tokens_seen");

    private static final int MOST_SLICES = 20_000;
    private static final int MOST_CURVES = 200;
    private static final String STEP = "step";
    private static final String PARAMETERS = "meta_parameters";
    private static final String CURVE = "meta_curve";

    private final Map<String, Series> series = new TreeMap<>();
    private final MetaCurves curves = new MetaCurves();
    private final Map<String, ObjectNode> slices = new LinkedHashMap<>();
    private final Map<String, Double> phaseSeconds = new TreeMap<>();
    private ObjectNode start;
    private ObjectNode lastStep;
    private ObjectNode end;
    private ObjectNode phase;
    /** First step and key whose value was not a number. */
    private ObjectNode notFinite;
    private double firstTime = Double.NaN;
    private double lastTime = Double.NaN;
    private double seconds;
    private long steps;
    private long broken;

    /**
     * Adds a line.
     *
     * @return what a page that has the lines before needs of it; null for one that is not JSON, which is counted
     */
    public ObjectNode add(byte[] line) {
        if (!(parse(line) instanceof ObjectNode read)) {
            broken++;
            return null;
        }
        String kind = read.path("kind").asText("");
        double time = read.path("time").asDouble(Double.NaN);
        passed(time);
        long step = read.path(STEP).asLong(0);
        JsonNode parameters = read.remove(PARAMETERS);
        JsonNode told = read.remove(CURVE);
        switch (kind) {
            case "" -> addStep(read);
            case "start" -> {
                start = read;
                curves.features(read.path("meta_features"));
            }
            case "end" -> end = read;
            case "phase" -> phase = read;
            case "slice" -> addSlice(read);
            default -> { }
        }
        if (parameters != null || told != null) {
            ObjectNode curve = parameters == null ? curves.addCurve(step, told) : curves.add(step, parameters);
            if (curve != null) {
                read.set("curve", curve);
            }
        }
        if (!kind.equals("start") && !kind.equals("end") && !kind.equals("phase")) {
            addCurves(kind, step, read);
        }
        return read;
    }

    private static JsonNode parse(byte[] line) {
        try {
            return Json.mapper().readTree(line);
        } catch (IOException e) {
            // Bytes that no encoding of JSON has are told apart from faults of its grammar.
            return null;
        }
    }

    private void passed(double time) {
        if (Double.isNaN(time)) {
            return;
        }
        if (Double.isNaN(firstTime)) {
            firstTime = time;
        }
        if (phase != null && time > lastTime) {
            phaseSeconds.merge(phase.path("phase").asText(), time - lastTime, Double::sum);
        }
        lastTime = time;
    }

    private void addStep(ObjectNode line) {
        steps++;
        seconds += line.path("seconds").asDouble(0);
        if (!line.has("tokens_per_second") && line.path("seconds").asDouble(0) > 0) {
            // Runs of earlier versions do not say it.
            line.put("tokens_per_second", line.path("tokens").asDouble(0) / line.path("seconds").asDouble());
        }
        lastStep = line;
    }

    private void addSlice(ObjectNode line) {
        if (slices.size() < MOST_SLICES) {
            slices.put(line.path("epoch").asLong() + "." + line.path("slice").asLong(), line);
        }
    }

    private void addCurves(String kind, long step, ObjectNode line) {
        line.fields().forEachRemaining(field -> {
            JsonNode value = field.getValue();
            boolean wanting = value.isNull() || value.isTextual() && isNotFinite(value.textValue());
            if (NO_CURVE.contains(field.getKey()) || !value.isNumber() && !wanting) {
                return;
            }
            if (!value.isNull() && !Double.isFinite(value.asDouble(Double.NaN)) && notFinite == null) {
                notFinite = Json.mapper().createObjectNode().put(STEP, step).put("key", field.getKey());
            }
            String name = kind.isEmpty() ? field.getKey() : kind + "." + field.getKey();
            if (series.size() < MOST_CURVES || series.containsKey(name)) {
                series.computeIfAbsent(name, key -> new Series()).add(step, wanting ? Double.NaN : value.doubleValue());
            }
        });
    }

    private static boolean isNotFinite(String text) {
        return text.equals("NaN") || text.equals("Infinity") || text.equals("-Infinity");
    }

    /** Counts a line that was too long to be read. */
    public void addBroken() {
        broken++;
    }

    /** Has curves of the meta-learner reach down to a score. */
    public void reach(double score) {
        curves.reach(score);
    }

    /** Whether the run has ended. */
    public boolean isFinished() {
        return end != null;
    }

    /** Everything, for a page that has nothing. */
    public ObjectNode json() {
        ObjectNode node = Json.mapper().createObjectNode();
        set(node, "start", start);
        set(node, "last", lastStep);
        set(node, "end", end);
        set(node, "phase", phase);
        set(node, "not_finite", notFinite);
        node.put("steps", steps).put("seconds", seconds).put("broken", broken);
        if (!Double.isNaN(firstTime)) {
            node.put("first_time", firstTime).put("last_time", lastTime);
        }
        ObjectNode phases = node.putObject("phase_seconds");
        phaseSeconds.forEach(phases::put);
        ObjectNode all = node.putObject("series");
        series.forEach((name, one) -> one.write(all.putObject(name)));
        curves.write(node.putArray("curves"));
        ArrayNode list = node.putArray("slices");
        slices.values().forEach(list::add);
        return node;
    }

    private static void set(ObjectNode node, String name, ObjectNode value) {
        if (value != null) {
            node.set(name, value);
        }
    }
}
