package org.metaapo.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A line of {@code metrics.jsonl} as trackers are given it.
 *
 * @param step optimizer steps taken
 * @param time Unix seconds; NaN in a line of an older run
 * @param values by tag
 * @param samples the slice's file of samples, of a slice's line; else null
 */
public record TrackedLine(long step, double time, Map<String, Double> values, Path samples) {
    /** TRL's names, which LLaMA-Factory's users know too, of fields in lines of steps and evaluations. */
    private static final Map<String, String> NAMES = Map.ofEntries(
            Map.entry("loss", "loss"), Map.entry("grad_norm", "grad_norm"), Map.entry("learning_rate", "learning_rate"),
            Map.entry("epoch", "epoch"), Map.entry("tokens_seen", "num_tokens"), Map.entry("kl", "kl"),
            Map.entry("rewards_chosen", "rewards/chosen"), Map.entry("rewards_rejected", "rewards/rejected"),
            Map.entry("rewards_margin", "rewards/margins"), Map.entry("accuracy", "rewards/accuracies"),
            Map.entry("logps_chosen", "logps/chosen"), Map.entry("logps_rejected", "logps/rejected"),
            Map.entry("score_margin", "margin"), Map.entry("answer_tokens", "completions/mean_length"),
            Map.entry("clipped_share", "completions/clipped_ratio"));
    private static final String OWN = "metaapo/";
    private static final Map<String, Double> NOT_FINITE = Map.of(
            "NaN", Double.NaN, "Infinity", Double.POSITIVE_INFINITY, "-Infinity", Double.NEGATIVE_INFINITY);

    /** Where a slice's samples lie. */
    public interface Samples {
        /** The file. */
        Path of(long epoch, int slice);
    }

    /** What trackers are given of a line; null for lines of phases and starts, which have no numbers of a step. */
    public static TrackedLine of(JsonNode line, Samples samples) {
        String kind = line.path("kind").asText("");
        Map<String, Double> values = new LinkedHashMap<>();
        switch (kind) {
            case "" -> add(values, "train/", line);
            case "eval" -> add(values, "eval/", line);
            case "slice" -> addSlice(values, line);
            case "meta" -> values.put("train/" + OWN + "meta_loss", number(line.path("meta_loss")));
            case "end" -> line.fields().forEachRemaining(field -> {
                if (field.getValue().isNumber() && !isPlace(field.getKey())) {
                    values.put("train/" + OWN + "total/" + field.getKey(), field.getValue().asDouble());
                }
            });
            default -> {
                return null;
            }
        }
        return new TrackedLine(
                line.path("step").asLong(), line.path("time").asDouble(Double.NaN), values,
                kind.equals("slice") ? samples.of(line.path("epoch").asLong(), line.path("slice").asInt()) : null);
    }

    private static void add(Map<String, Double> values, String prefix, JsonNode line) {
        line.fields().forEachRemaining(field -> {
            String name = field.getKey();
            boolean isLeftOut = isPlace(name) || name.equals("seconds_left") || name.equals("epoch") && prefix.equals("eval/");
            if (!isLeftOut && isNumber(field.getValue())) {
                // A reward model's has TRL's other name.
                String tag = name.equals("accuracy") && line.has("score_margin") ? name : NAMES.getOrDefault(name, OWN + name);
                values.put(prefix + tag, number(field.getValue()));
            }
        });
    }

    private static void addSlice(Map<String, Double> values, JsonNode line) {
        if (line.path("rows").asInt() > 0) {
            values.put("train/" + OWN + "sampled_share", line.path("sampled").asDouble() / line.path("rows").asDouble());
        }
        for (String name : new String[] {"answer_tokens", "clipped_share", "online_wins", "online_margin"}) {
            if (line.path(name).isNumber()) {
                values.put("train/" + NAMES.getOrDefault(name, OWN + name), line.path(name).asDouble());
            }
        }
    }

    private static boolean isPlace(String name) {
        return name.equals("step") || name.equals("time") || name.equals("kind");
    }

    /** JSON has no NaN and no infinity: they stand there as texts. */
    private static boolean isNumber(JsonNode value) {
        return value.isNumber() || value.isTextual() && NOT_FINITE.containsKey(value.asText());
    }

    private static double number(JsonNode value) {
        return value.isNumber() ? value.asDouble() : NOT_FINITE.getOrDefault(value.asText(), Double.NaN);
    }

    /** The same at another time, where the line has none. */
    TrackedLine at(double other) {
        return Double.isNaN(time) ? new TrackedLine(step, other, values, samples) : this;
    }
}
