package org.metaapo.theory;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.metaapo.engine.MetaShape;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.Weighting;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/**
 * Rows that a meta-learner learned from, detached: its inputs z = (score, features), L(offline) and L(online).
 *
 * @param rows (score, features …, L(offline), L(online))
 * @param inputs of the meta-learner, the score among them
 */
record MetaBuffer(List<double[]> rows, int inputs) {
    /** All rows that a run's updates used, from {@code meta-buffer.jsonl}. */
    static MetaBuffer read(Path file, int inputs) {
        if (!Files.isRegularFile(file)) {
            throw new DataException(file + ": no such file; expected the folder of a run with recipe metaapo and a learned weight");
        }
        List<double[]> rows = new ArrayList<>();
        int number = 0;
        for (String line : StrictText.read(file).split("\n")) {
            number++;
            if (line.isBlank()) {
                continue;
            }
            for (JsonNode row : Json.parse(line, file.toString(), number).path("rows")) {
                double[] values = new double[row.size()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = row.get(i).asDouble();
                }
                if (values.length != inputs + 2) {
                    throw new DataException(file + ":" + number + ": a row of " + values.length + " numbers; expected " + (inputs + 2));
                }
                rows.add(values);
            }
        }
        return new MetaBuffer(rows, inputs);
    }

    int size() {
        return rows.size();
    }

    MetaBuffer shuffled(long seed) {
        List<double[]> copy = new ArrayList<>(rows);
        Collections.shuffle(copy, new Random(seed));
        return new MetaBuffer(copy, inputs);
    }

    MetaBuffer part(int from, int to) {
        return new MetaBuffer(rows.subList(from, to), inputs);
    }

    /** The largest loss of a row under any weight: w·L(offline) + (1−w)·L(online) lies between the two. */
    double largestLoss() {
        return rows.stream().mapToDouble(row -> Math.max(Math.abs(row[inputs]), Math.abs(row[inputs + 1]))).max().orElse(0);
    }

    /**
     * The mean of sign · (w·L(offline) + (1−w)·L(online)) over the rows, and its gradient by the meta-learner's parameters.
     *
     * @param signs (rows), or null for ones: then it is the empirical risk
     */
    PreferenceLoss.MetaGradient risk(double[] parameters, double scoreScale, double[] signs) {
        int n = rows.size();
        double[] scores = new double[n];
        double[] features = inputs == 1 ? null : new double[n * (inputs - 1)];
        double[] offline = new double[n];
        double[] online = new double[n];
        for (int i = 0; i < n; i++) {
            double[] row = rows.get(i);
            double sign = signs == null ? 1 : signs[i];
            scores[i] = row[0];
            offline[i] = sign * row[inputs];
            online[i] = sign * row[inputs + 1];
            for (int j = 1; j < inputs; j++) {
                features[i * (inputs - 1) + j - 1] = row[j];
            }
        }
        MetaShape shape = MetaShape.of(MetaShape.PAPER_LAYERS, inputs, parameters.length);
        return PreferenceLoss.metaGradient(
                Weighting.learned(parameters, scoreScale, shape).withFeatures(features), scores, offline, online);
    }
}
