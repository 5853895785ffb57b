package org.metaapo.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.files.Json;
import org.metaapo.meta.MetaLearner;

/**
 * The meta-learner over time: w = h(score) at {@value #SCORES} scores, other inputs at 0. Of many updates some are kept, the first and
 * the last among them.
 */
final class MetaCurves {
    /** Scores of a curve. */
    static final int SCORES = 65;

    private static final int MOST = 200;
    private static final double LOWEST = -2;
    /** Inputs of features of more than one number. */
    private static final Map<String, Integer> WIDE = Map.of("answer_lengths", 2);

    private record Update(long step, double[] parameters) {}

    private final List<Update> updates = new ArrayList<>();
    /** Every how many updates one is kept. */
    private int every = 1;
    private int seen;
    private Update last;
    private int inputs = 1;
    /** The lowest score that a curve goes down to. */
    private double lowest = LOWEST;

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
        if (score < lowest) {
            lowest = Math.floor(score);
        }
    }

    /** Adds the learner after an update; returns its curve, or null for parameters of no known shape. */
    ObjectNode add(long step, JsonNode parameters) {
        int size = parameters.size();
        if (size < inputs + 3 || (size - 1) % (inputs + 2) != 0) {
            return null;
        }
        double[] values = new double[size];
        for (int i = 0; i < size; i++) {
            values[i] = parameters.get(i).asDouble(Double.NaN);
        }
        last = new Update(step, values);
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
        node.put("low", lowest).put("high", 0);
        ArrayNode values = node.putArray("w");
        for (int i = 0; i < SCORES; i++) {
            values.add((float) MetaLearner.weight(update.parameters(), inputs, lowest * (1 - i / (SCORES - 1.0))));
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
