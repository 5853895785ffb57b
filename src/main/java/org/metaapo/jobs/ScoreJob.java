package org.metaapo.jobs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.data.DataFiles;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Row;
import org.metaapo.data.RowEncoder;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Model;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.engine.Weighting;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.model.ModelFolder;
import org.metaapo.train.RunListener;

/** Log-probs of preference pairs under a policy and a reference. */
public final class ScoreJob {
    private static final int GROUP = 32;
    private static final long MICRO_TOKENS = 4096;

    private ScoreJob() {}

    /**
     * Scores all pairs.
     *
     * @param reference folder, or null for none: the fields that need it are then left out
     * @param metaLearner file of a finished run, or null
     */
    public static Lines run(
            Engine engine, Dtype dtype, Path model, Path reference, List<Path> data, Path metaLearner, RunListener listener) {
        try (Policy policy = Policy.open(model)) {
            List<EncodedRow> rows = encode(policy, DataFiles.load(data, false).rows());
            Weighting weighting = metaLearner == null ? null : weighting(metaLearner);
            List<double[]> sums = score(engine, dtype, policy.folder(), rows, listener, "scoring");
            List<double[]> references = null;
            if (reference != null) {
                // Only its weights are read: a reference shares the policy's tokenizer.
                try (ModelFolder other = ModelFolder.open(reference)) {
                    if (other.config().vocabSize() != policy.folder().config().vocabSize()) {
                        throw new DataException(reference + ": the vocabulary has " + other.config().vocabSize()
                                + " tokens, the policy's " + policy.folder().config().vocabSize()
                                + "; a reference must share the tokenizer");
                    }
                    references = score(engine, dtype, other, rows, listener, "scoring the reference");
                }
            }
            Lines lines = new Lines();
            for (int i = 0; i < rows.size(); i++) {
                lines.add(line(rows.get(i), sums.get(i), references == null ? null : references.get(i), weighting));
            }
            return lines;
        }
    }

    private static List<EncodedRow> encode(Policy policy, List<Row> rows) {
        for (Row row : rows) {
            if (!row.isPair()) {
                throw new DataException(row.source() + ": no chosen and rejected; score needs preference pairs");
            }
        }
        RowEncoder encoder = new RowEncoder(policy.format(), policy.folder().config().maxPositions(), Integer.MAX_VALUE);
        List<EncodedRow> encoded = new ArrayList<>();
        for (Row row : rows) {
            try {
                encoded.add(encoder.encode(row));
            } catch (DataException e) {
                throw new DataException(row.source() + ": " + e.getMessage(), e);
            }
        }
        return encoded;
    }

    private static List<double[]> score(
            Engine engine, Dtype dtype, ModelFolder folder, List<EncodedRow> rows, RunListener listener, String phase) {
        long longest = rows.stream()
                .mapToLong(r -> r.prompt().length + r.chosen().length + r.rejected().length).max().orElse(1);
        List<double[]> sums = new ArrayList<>();
        try (Model model = Policy.loadLanguageModel(folder, engine, dtype);
                Scorer scorer = model.scorer(Math.max(longest, Math.min(MICRO_TOKENS, longest * rows.size())))) {
            listener.begin(phase, rows.size());
            for (int from = 0; from < rows.size(); from += GROUP) {
                List<EncodedRow> group = rows.subList(from, Math.min(rows.size(), from + GROUP));
                TokenBatch.Builder builder = TokenBatch.builder();
                group.forEach(r -> builder.pack(r.prompt(), List.of(r.chosen(), r.rejected())));
                try (TokenBatch batch = builder.build()) {
                    double[] values = scorer.logprobs(batch);
                    for (int i = 0; i < group.size(); i++) {
                        sums.add(new double[] {values[2 * i], values[2 * i + 1]});
                    }
                }
                listener.progress(sums.size(), "");
            }
            listener.end();
        }
        return sums;
    }

    private static Weighting weighting(Path file) {
        JsonNode json = Json.read(file);
        double[] parameters = new double[json.path("parameters").size()];
        for (int i = 0; i < parameters.length; i++) {
            parameters[i] = json.path("parameters").get(i).asDouble();
        }
        if (parameters.length < 4 || parameters.length % 3 != 1 || !json.path("score_scale").isNumber()) {
            throw new DataException(file + ": not a meta-learner; expected the meta-learner.json of a finished run");
        }
        return Weighting.learned(parameters, json.path("score_scale").asDouble());
    }

    private static ObjectNode line(EncodedRow row, double[] sums, double[] reference, Weighting weighting) {
        ObjectNode line = Lines.line().put("row", row.row().id());
        line.put("chosen_logp", sums[0]).put("rejected_logp", sums[1]);
        line.put("chosen_tokens", row.chosen().length).put("rejected_tokens", row.rejected().length);
        if (reference == null) {
            return line;
        }
        double delta = (sums[0] - reference[0]) - (sums[1] - reference[1]);
        double scale = weighting == null ? 1 : weighting.scoreScale();
        double score = -softplus(-scale * delta);
        line.put("ref_chosen_logp", reference[0]).put("ref_rejected_logp", reference[1]);
        line.put("delta", delta).put("score", score);
        if (weighting != null) {
            line.put("weight", PreferenceLoss.weights(weighting, new double[] {score})[0]);
        }
        return line;
    }

    private static double softplus(double x) {
        return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
    }
}
