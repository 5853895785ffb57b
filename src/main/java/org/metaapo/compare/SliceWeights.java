package org.metaapo.compare;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.commons.math3.stat.correlation.SpearmansCorrelation;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.train.RunFolder;

/**
 * What a meta-learner saw and said in a slice. NaN is what there is nothing to tell of.
 *
 * @param weight mean w of the rows when it was decided which of them are sampled
 * @param sampled share of the rows that were
 * @param gradient mean of L(offline) − L(online) over the rows that the learner's updates in this slice used: by equation 7 the gradient by a
 *     row's w, so that where it is positive learning takes w down
 * @param down share of these rows in which it is positive
 * @param byScore rank correlation of it with the score, which is what the learner sees of a row
 * @param online share of the sampled rows whose online pair is ordered as gold orders it, equal ones half
 * @param offline the same of these rows' offline pairs
 * @param advantage mean over them of what the online pair's answers differ by in gold reward, less what the offline pair's do
 * @param byAdvantage rank correlation of w with it
 */
record SliceWeights(
        double weight, double sampled, double gradient, double down, double byScore, double online, double offline, double advantage,
        double byAdvantage) {
    /** Fewer rows say nothing of a correlation. */
    private static final int FEWEST = 3;

    /** Gold reward of an answer to a prompt. */
    interface Gold {
        double of(String prompt, String answer);
    }

    /** Of the slices of a run, in their order; empty where no weight was learned. */
    static List<SliceWeights> of(RunFolder folder, Gold gold) {
        if (!Files.isRegularFile(folder.metaBuffer())) {
            return List.of();
        }
        List<JsonNode> slices = new ArrayList<>();
        List<List<double[]>> learned = new ArrayList<>();
        Json.lines(folder.metrics(), line -> {
            if (line.path("kind").asText().equals("slice")) {
                slices.add(line);
                learned.add(new ArrayList<>());
            }
        });
        Json.lines(folder.metaBuffer(), update -> {
            // An update comes after its step, and a slice's line before its first step; slices whose rows are all left out have none.
            int at = slices.size() - 1;
            while (at >= 0 && slices.get(at).path("step").asLong() >= update.path("step").asLong()) {
                at--;
            }
            if (at < 0) {
                throw new DataException(folder.metaBuffer() + ": has an update at step " + update.path("step").asLong() + ", and "
                        + folder.metrics().getFileName() + " no slice before it");
            }
            List<double[]> rows = learned.get(at);
            update.path("rows").forEach(row -> rows.add(new double[] {
                row.path(0).asDouble(), row.path(row.size() - 2).asDouble() - row.path(row.size() - 1).asDouble()}));
        });
        List<SliceWeights> all = new ArrayList<>();
        for (JsonNode slice : slices) {
            List<JsonNode> rows = new ArrayList<>();
            Path samples = folder.samples(slice.path("epoch").asLong(), slice.path("slice").asInt());
            // Users take them away where the disk is small.
            if (Files.isRegularFile(samples)) {
                Json.lines(samples, rows::add);
            }
            all.add(of(rows, learned.get(all.size()), gold));
        }
        return all;
    }

    private static SliceWeights of(List<JsonNode> rows, List<double[]> learned, Gold gold) {
        double[] gradients = learned.stream().mapToDouble(row -> row[1]).toArray();
        List<JsonNode> pairs = rows.stream().filter(row -> row.path("online_chosen").isInt()).toList();
        double[] online = column(pairs, row -> gold.of(row.path("prompt").asText(), answer(row, "online_chosen"))
                - gold.of(row.path("prompt").asText(), answer(row, "online_rejected")));
        double[] offline = column(pairs, row -> gold.of(row.path("prompt").asText(), row.path("chosen").asText())
                - gold.of(row.path("prompt").asText(), row.path("rejected").asText()));
        double[] advantage = new double[pairs.size()];
        Arrays.setAll(advantage, i -> online[i] - offline[i]);
        return new SliceWeights(
                StatUtils.mean(column(rows, row -> row.path("weight").asDouble())),
                StatUtils.mean(column(rows, row -> row.path("sampled").asBoolean() ? 1 : 0)),
                StatUtils.mean(gradients), positive(gradients), correlation(learned.stream().mapToDouble(row -> row[0]).toArray(), gradients),
                right(online), right(offline), StatUtils.mean(advantage),
                correlation(column(pairs, row -> row.path("weight").asDouble()), advantage));
    }

    private static String answer(JsonNode row, String which) {
        return row.path("answers").path(row.path(which).asInt()).path("text").asText();
    }

    private static double[] column(List<JsonNode> rows, ToDoubleFunction<JsonNode> value) {
        return rows.stream().mapToDouble(value).toArray();
    }

    private static double right(double[] differences) {
        return StatUtils.mean(Arrays.stream(differences).map(difference -> (1 + Math.signum(difference)) / 2).toArray());
    }

    private static double positive(double[] values) {
        return Double.isNaN(StatUtils.mean(values)) ? Double.NaN : Arrays.stream(values).filter(value -> value > 0).count() / (double) values.length;
    }

    private static double correlation(double[] one, double[] other) {
        return one.length < FEWEST || Double.isNaN(StatUtils.mean(one) + StatUtils.mean(other))
                ? Double.NaN : new SpearmansCorrelation().correlation(one, other);
    }
}
