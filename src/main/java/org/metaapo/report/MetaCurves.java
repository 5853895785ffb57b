package org.metaapo.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.files.Json;
import org.metaapo.meta.MetaLearner;
import org.metaapo.meta.ScoreGrid;

/**
 * The meta-learner over time: w = h(score) at the scores of {@link ScoreGrid}, other inputs at 0. Of many updates some are kept, the first
 * and the last among them.
 */
final class MetaCurves {
    private static final int MOST = 200;
    /** Inputs of features of more than one number. */
    private static final Map<String, Integer> WIDE = Map.of("answer_lengths", 2);

    /**
     * The learner after an update.
     *
     * @param parameters of the paper's two layers; null where the curve was given
     * @param low of a given curve
     * @param w of a given curve; null else
     */
    private record Update(long step, double[] parameters, double low, double[] w) {}

    private final List<Update> updates = new ArrayList<>();
    /** Every how many updates one is kept. */
    private int every = 1;
    private int seen;
    private Update last;
    private int inputs = 1;
    /** The lowest score that a curve goes down to. */
    private double lowest = ScoreGrid.LOWEST;

    /** Inputs of the learner, which a run's first line tells. */
    void features(JsonNode names) {
        int sum = 0;
        for (JsonNode name : names) {
            sum += WIDE.getOrDefault(name.asText(), 1);
        }
        inputs = Math.max(1, sum);
    }

    /** Has curves reach down to a score. */
    void reach(double score) {
        lowest = ScoreGrid.reach(lowest, score);
    }

    /** Adds the learner after an update; returns its curve, or null for parameters of no known shape. */
    ObjectNode add(long step, JsonNode parameters) {
        int size = parameters.size();
        if (size < inputs + 3 || (size - 1) % (inputs + 2) != 0) {
            return null;
        }
        return add(new Update(step, numbers(parameters), 0, null));
    }

    /** Adds the learner after an update by its curve, as a line of metrics has it; returns it, or null for one of no known shape. */
    ObjectNode addCurve(long step, JsonNode curve) {
        double low = curve.path("low").asDouble(Double.NaN);
        if (!(low < 0) || curve.path("w").size() != ScoreGrid.POINTS) {
            return null;
        }
        return add(new Update(step, null, low, numbers(curve.path("w"))));
    }

    private static double[] numbers(JsonNode array) {
        double[] values = new double[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asDouble(Double.NaN);
        }
        return values;
    }

    private ObjectNode add(Update update) {
        last = update;
        if (seen++ % every == 0) {
            updates.add(last);
            thin();
        }
        return curve(last);
    }

    private void thin() {
        if (updates.size() > MOST) {
            every *= 2;
            List<Update> kept = new ArrayList<>();
            for (int i = 0; i < updates.size(); i += 2) {
                kept.add(updates.get(i));
            }
            updates.clear();
            updates.addAll(kept);
        }
    }

    private ObjectNode curve(Update update) {
        ObjectNode node = Json.mapper().createObjectNode().put("step", update.step());
        node.put("low", update.w() == null ? lowest : update.low()).put("high", 0);
        ArrayNode values = node.putArray("w");
        for (int i = 0; i < ScoreGrid.POINTS; i++) {
            values.add((float) (update.w() == null
                    ? MetaLearner.weight(update.parameters(), inputs, ScoreGrid.at(lowest, i))
                    : update.w()[i]));
        }
        return node;
    }

    /** All that are kept, in their order. */
    void write(ArrayNode into) {
        updates.forEach(update -> into.add(curve(update)));
        if (last != null && (updates.isEmpty() || updates.get(updates.size() - 1) != last)) {
            into.add(curve(last));
        }
    }
}
