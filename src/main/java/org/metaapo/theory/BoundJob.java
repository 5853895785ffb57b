package org.metaapo.theory;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.metaapo.engine.MetaShape;
import org.metaapo.error.DataException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;
import org.metaapo.train.MetaFeatures;
import org.metaapo.train.RunFolder;
import org.metaapo.train.RunListener;

/** Theorem 1's quantities of a finished run: a table, and {@code bound.json} for the report. */
public final class BoundJob {
    private static final int FEWEST = 64;

    private BoundJob() {}

    /**
     * Measures, writes {@code bound.json} and returns the table.
     *
     * @param delta δ of the theorem
     * @param draws of signs for each size
     * @param radius of the class's ball; 0 for the distance that the run went
     * @param largest most rows of the buffer
     * @throws DataException if the folder holds no finished run with a meta-learner, or too few rows
     */
    public static String run(RunFolder folder, double delta, int draws, double radius, int largest, long seed, RunListener listener) {
        if (!Files.isRegularFile(folder.metaLearner()) || !Files.isRegularFile(folder.metrics())) {
            throw new DataException(folder.path() + ": no meta-learner.json; expected the folder of a finished run with recipe metaapo "
                    + "and meta.weight learned");
        }
        JsonNode learner = Json.read(folder.metaLearner());
        int layers = learner.path("layers").asInt(MetaShape.PAPER_LAYERS);
        if (layers != MetaShape.PAPER_LAYERS) {
            throw new DataException(folder.path() + ": a meta-learner with meta.layers " + layers + "; expected one with "
                    + MetaShape.PAPER_LAYERS + ", of which theorem 1 speaks");
        }
        double[] end = numbers(learner.path("parameters"));
        double[] start = numbers(startLine(folder).path("meta_parameters"));
        List<String> features = new ArrayList<>();
        learner.path("features").forEach(feature -> features.add(feature.asText()));
        int inputs = MetaFeatures.inputs(features);
        MetaBuffer rows = MetaBuffer.read(folder.metaBuffer(), inputs);
        if (rows.size() < FEWEST) {
            throw new DataException(folder.metaBuffer() + ": " + rows.size() + " rows with both pairs; expected at least " + FEWEST);
        }
        GeneralizationBound bound = new GeneralizationBound(
                rows, start, end, learner.path("score_scale").asDouble(), new GeneralizationBound.Settings(delta, draws, radius, seed));
        if (bound.radius() == 0) {
            throw new DataException(folder.path() + ": the meta-learner did not move; expected a run with meta updates, or --radius");
        }
        List<GeneralizationBound.Point> points = new ArrayList<>();
        List<Integer> sizes = bound.sizes(largest);
        for (int m : sizes) {
            listener.begin("signs for m = " + m, draws);
            int[] done = {0};
            points.add(bound.at(m, () -> listener.progress(++done[0], "")));
            listener.end();
        }
        AtomicFiles.write(folder.bound(), Json.writePretty(json(points, bound, delta, draws)));
        return table(points, bound, delta, draws);
    }

    private static JsonNode startLine(RunFolder folder) {
        String text = StrictText.read(folder.metrics());
        return Json.parse(text.substring(0, Math.max(0, text.indexOf('\n'))), folder.metrics().toString(), 1);
    }

    private static double[] numbers(JsonNode array) {
        double[] values = new double[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asDouble();
        }
        return values;
    }

    private static ObjectNode json(List<GeneralizationBound.Point> points, GeneralizationBound bound, double delta, int draws) {
        ObjectNode json = Json.mapper().createObjectNode().put("delta", delta).put("draws", draws);
        json.put("radius", bound.radius()).put("held_out", bound.heldOutRows());
        ArrayNode array = json.putArray("points");
        for (GeneralizationBound.Point p : points) {
            array.addObject().put("m", p.m()).put("rademacher", p.rademacher()).put("half_width", p.halfWidth())
                    .put("largest_loss", p.largestLoss()).put("bound", p.bound()).put("risk", p.risk())
                    .put("held_out_risk", p.heldOutRisk()).put("gap", p.gap());
        }
        return json;
    }

    private static String table(List<GeneralizationBound.Point> points, GeneralizationBound bound, double delta, int draws) {
        StringBuilder out = new StringBuilder(String.format(Locale.ROOT, "%6s %21s %8s %8s %9s %9s %9s%n",
                "m", "Rademacher (95 %)", "M", "bound", "risk", "held-out", "gap"));
        for (GeneralizationBound.Point p : points) {
            out.append(String.format(Locale.ROOT, "%6d %12.4f ± %6.4f %8.3f %8.3f %9.4f %9.4f %+9.4f%n",
                    p.m(), p.rademacher(), p.halfWidth(), p.largestLoss(), p.bound(), p.risk(), p.heldOutRisk(), p.gap()));
        }
        return out.append(String.format(Locale.ROOT, "%nbound = 4·Rad + M·√(2 ln(1/δ)/m), δ = %s. Rad: mean over %d draws of signs of the largest mean signed loss in the%n"
                + "class, found by projected gradient ascent (from below). The class: meta-learners within %.3g of the start's parameters.%n"
                + "gap: risk on %d held-out rows of the learner that minimises the risk on m rows, less its risk on these.%n",
                Double.toString(delta), draws, bound.radius(), bound.heldOutRows())).toString();
    }
}
