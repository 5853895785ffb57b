package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.metaapo.config.RunConfig;
import org.metaapo.data.EncodedRow;
import org.metaapo.engine.MetaShape;
import org.metaapo.engine.Weighting;
import org.metaapo.files.Json;
import org.metaapo.meta.MetaLearner;
import org.metaapo.meta.ScoreGrid;
import org.metaapo.metrics.MetricsWriter;

/**
 * Where the weights of a run's rows come from, and the meta-learner's part in a run where that is learned: its updates, what it
 * learned from ({@code meta-buffer.jsonl}), its curve and its result.
 */
final class MetaLearning implements AutoCloseable {
    private final RunConfig config;
    private final Recipe recipe;
    private final MetaFeatures features;
    /** Null where weights are not learned. */
    private final MetaLearner learner;
    /** What the learner learned from; null without one, and before {@link #open}. */
    private MetricsWriter buffer;

    MetaLearning(RunConfig config, Recipe recipe) {
        this.config = config;
        this.recipe = recipe;
        this.features = new MetaFeatures(config);
        this.learner = learns(config, recipe) ? start(config, features.inputs()) : null;
    }

    static boolean learns(RunConfig config, Recipe recipe) {
        return recipe == Recipe.METAAPO && config.text("meta.weight").equals("learned");
    }

    private static MetaLearner start(RunConfig config, int inputs) {
        int layers = config.count("meta.layers");
        MetaShape shape = new MetaShape(layers, inputs, layers == 1 ? 0 : config.count("meta.hidden"));
        double[] start = config.text("meta.init").equals("reference")
                ? MetaLearner.referenceStart(shape)
                : MetaLearner.randomStart(shape, config.integer("seed"));
        Double weight = config.optional("meta.start_weight");
        return new MetaLearner(
                shape, weight == null ? start : MetaLearner.startingAt(weight, start, shape), config.real("meta.score_scale"), config.real("meta.learning_rate"), config.real("meta.weight_decay"));
    }

    /** The learner, which gathers what steps see; null where weights are not learned. */
    MetaLearner learner() {
        return learner;
    }

    /** Opens the buffer's file, cut to {@code bytes}. */
    void open(RunOutput output, long bytes) {
        buffer = learner == null ? null : output.lines(output.folder().metaBuffer(), bytes);
    }

    /** Bytes of the buffer's file, which are safe on the disk when this returns; 0 without one. */
    long sync() {
        return buffer == null ? 0 : buffer.sync();
    }

    /** How rows are weighed in an epoch. */
    Weighting weighting(List<? extends EncodedRow> rows, long epoch) {
        if (recipe != Recipe.METAAPO) {
            return Weighting.constant(1);
        }
        return switch (config.text("meta.weight")) {
            case "learned" -> learner.weighting().withFeatures(features.of(rows, epoch));
            case "score" -> Weighting.score(config.real("meta.score_scale"));
            default -> Weighting.constant(config.real("meta.constant"));
        };
    }

    /** Adds what a run's first line says of the learner. */
    void writeStart(ObjectNode line) {
        if (learner != null) {
            line.putPOJO("meta_features", config.texts("meta.features"));
            putLayers(line, "meta_layers");
            curve(line, ScoreGrid.LOWEST);
        }
    }

    /** The update after a step, where one is due and there is something to learn from: its line of metrics, else null. */
    ObjectNode updateAfter(long step) {
        long every = config.integer("meta.every");
        if (learner == null || every == 0 || step % every != 0) {
            return null;
        }
        ObjectNode learned = MetricsWriter.line().put("step", step).putPOJO("rows", learner.state().buffer());
        double lowest = learner.lowest();
        MetaLearner.Update update = learner.update();
        if (update == null) {
            return null;
        }
        buffer.write(learned);
        ObjectNode line = MetricsWriter.line().put("kind", "meta").put("step", step).put("rows", update.rows());
        line.put("meta_loss", update.loss()).put("weight_mean", update.weightMean());
        curve(line, lowest);
        return line;
    }

    /** Writes {@code meta-learner.json}. */
    void writeResult(RunOutput output) {
        if (learner != null) {
            ObjectNode result = MetricsWriter.line().put("score_scale", config.real("meta.score_scale"));
            result.putPOJO("features", config.texts("meta.features"));
            putLayers(result, "layers");
            array(result, "parameters", learner.parameters());
            output.write(output.folder().metaLearner(), Json.writePretty(result));
        }
    }

    /** Two layers, the paper's, are what a file means that does not say. */
    private void putLayers(ObjectNode object, String name) {
        int layers = learner.shape().layers();
        if (layers != MetaShape.PAPER_LAYERS) {
            object.put(name, layers);
        }
    }

    /** What a line says so that the learner's curve can be drawn: the paper's few parameters, else the curve, for three layers have too many. */
    private void curve(ObjectNode line, double lowest) {
        if (learner.shape().layers() == MetaShape.PAPER_LAYERS) {
            array(line, "meta_parameters", learner.parameters());
        } else {
            array(line.putObject("meta_curve").put("low", lowest), "w", learner.curve(lowest));
        }
    }

    private static void array(ObjectNode object, String name, double[] values) {
        ArrayNode array = object.putArray(name);
        for (double value : values) {
            array.add(value);
        }
    }

    @Override
    public void close() {
        if (buffer != null) {
            buffer.close();
        }
    }
}
