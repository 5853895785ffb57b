package org.metaapo.jobs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Row;
import org.metaapo.data.RowEncoder;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Network;
import org.metaapo.engine.MetaShape;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Quantization;
import org.metaapo.engine.Weighting;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.files.SamePath;
import org.metaapo.ranks.Ranks;
import org.metaapo.text.ChatOptions;
import org.metaapo.train.PairScorer;
import org.metaapo.train.RowLengths;
import org.metaapo.train.RunListener;

/** Log-probs of preference pairs under a policy and a reference. */
public final class ScoreJob {
    private static final long MICRO_TOKENS = 4096;

    private ScoreJob() {}

    /**
     * Scores all pairs; ranks share them out, and all have all scores.
     *
     * @param adapter folder of an adapter over the model, or null
     * @param quantization packs the weights of both models; null for them as the files have them
     * @param reference folder, or null for none: the fields that need it are then left out; where it is the model itself, its weights are
     *     those beside the adapter
     * @param lengths tokens of prompt and answer, and of a prompt: rows are cut as for training
     * @param variables of the chat template, which a row's own go before
     * @param metaLearner file of a finished run, or null
     */
    public static Lines run(
            Engine engine, Dtype dtype, Path model, Path adapter, Quantization quantization, Path reference, List<Path> data, Lengths lengths, ChatOptions chat,
            Map<String, Object> variables, Path metaLearner, RunListener listener, Ranks ranks) {
        try (Policy policy = ranks.agree(() -> Policy.open(model, adapter, quantization, chat));
                AdaptedFolder other = ranks.agree(() -> reference == null ? null : AdaptedFolder.open(reference).quantized(quantization))) {
            ranks.lead(() -> {
                policy.folder().requireHead(Head.LM);
                if (other != null) {
                    other.base().checkReferenceOf(policy.folder().base());
                }
            });
            List<Row> read = JobRows.load(data, variables, ranks);
            List<EncodedRow> rows = ranks.agree(() -> encode(policy, lengths, read));
            tell(rows, lengths, policy.config().maxPositions(), listener);
            Weighting weighting = ranks.agree(() -> metaLearner == null ? null : weighting(metaLearner));
            List<double[]> sums;
            List<double[]> references = null;
            boolean shared = other != null && SamePath.same(model, reference);
            try (AdaptedFolder.Loaded weights = ranks.agree(() -> policy.folder().load(engine, dtype, RowLengths.longest(rows)))) {
                sums = score(weights.network(), rows, listener, "scoring", ranks);
                references = shared ? score(weights.model(), rows, listener, "scoring the reference", ranks) : null;
            }
            if (other != null && !shared) {
                // Only its weights are read: a reference shares the policy's tokenizer.
                try (AdaptedFolder.Loaded weights = ranks.agree(() -> other.load(engine, dtype, RowLengths.longest(rows)))) {
                    references = score(weights.network(), rows, listener, "scoring the reference", ranks);
                }
            }
            PairResults results = references == null
                    ? null
                    : PairScorer.evaluate(
                            PairScorer.pairs(rows), sums, references, Objective.dpo(1), weighting == null ? Weighting.constant(1) : weighting);
            Lines lines = new Lines();
            for (int i = 0; i < rows.size(); i++) {
                ObjectNode line = line(rows.get(i), sums.get(i));
                if (results != null) {
                    line.put("ref_chosen_logp", references.get(i)[0]).put("ref_rejected_logp", references.get(i)[1]);
                    line.put("delta", results.deltaOffline()[i]).put("score", results.scoreOffline()[i]);
                    if (weighting != null) {
                        line.put("weight", results.weight()[i]);
                    }
                }
                lines.add(line);
            }
            return lines;
        }
    }

    /**
     * Tokens to which rows are cut.
     *
     * @param row prompt and answer; the answer keeps its start
     * @param prompt of it, which keeps its end
     */
    public record Lengths(int row, int prompt) {}

    /** Says what was cut, what training would leave out, and what goes beyond the model's positions. */
    private static void tell(List<EncodedRow> rows, Lengths lengths, int positions, RunListener listener) {
        long prompts = rows.stream().filter(row -> row.promptCut() > 0).count();
        long answers = rows.stream().mapToLong(row -> (row.chosenCut() > 0 ? 1 : 0) + (row.rejectedCut() > 0 ? 1 : 0)).sum();
        if (prompts + answers > 0) {
            listener.note(String.format(Locale.ROOT, "cut as in training: prompts to --max-prompt-length %,d: %,d, answers to --max-length %,d: %,d",
                    lengths.prompt(), prompts, lengths.row(), answers));
        }
        long equal = rows.stream().filter(row -> RowEncoder.dropReason(row) != null).count();
        if (equal > 0) {
            listener.note(String.format(Locale.ROOT, "rows with equal answers, which training leaves out: %,d", equal));
        }
        RowLengths.tellPositions(rows, positions, "--max-length", listener);
    }

    private static List<EncodedRow> encode(Policy policy, Lengths lengths, List<Row> rows) {
        for (Row row : rows) {
            if (!row.isPair()) {
                throw new DataException(row.source() + ": no chosen and rejected; score needs preference pairs" + row.hint());
            }
        }
        RowEncoder encoder = new RowEncoder(policy.format(), lengths.row(), lengths.prompt());
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

    private static List<double[]> score(Network model, List<EncodedRow> rows, RunListener listener, String phase, Ranks ranks) {
        long longest = rows.stream()
                .mapToLong(r -> r.promptTokens() + r.chosenTokens() + r.rejectedTokens()).max().orElse(1);
        long maxTokens = Math.max(longest, Math.min(MICRO_TOKENS, longest * rows.size()));
        listener.begin(phase, rows.size());
        List<double[]> sums = new PairScorer(model, maxTokens, true, ranks)
                .score(PairScorer.pairs(rows), done -> listener.progress(done, ""));
        listener.end();
        return sums;
    }

    private static Weighting weighting(Path file) {
        JsonNode json = Json.read(file);
        double[] parameters = new double[json.path("parameters").size()];
        for (int i = 0; i < parameters.length; i++) {
            parameters[i] = json.path("parameters").get(i).asDouble();
        }
        if (json.path("features").size() > 1) {
            throw new DataException(file + ": a meta-learner that reads " + json.path("features") + "; score knows the score alone");
        }
        if (parameters.length == 0 || !json.path("score_scale").isNumber()) {
            throw new DataException(file + ": not a meta-learner; expected the meta-learner.json of a finished run");
        }
        try {
            MetaShape shape = MetaShape.of(json.path("layers").asInt(MetaShape.PAPER_LAYERS), 1, parameters.length);
            return Weighting.learned(parameters, json.path("score_scale").asDouble(), shape);
        } catch (IllegalArgumentException e) {
            throw new DataException(file + ": " + e.getMessage() + "; give the meta-learner.json of a finished run", e);
        }
    }

    private static ObjectNode line(EncodedRow row, double[] sums) {
        ObjectNode line = Lines.line().put("row", row.id());
        line.put("chosen_logp", sums[0]).put("rejected_logp", sums[1]);
        line.put("chosen_tokens", row.chosenTokens()).put("rejected_tokens", row.rejectedTokens());
        putIfCut(line, "prompt_cut", row.promptCut());
        putIfCut(line, "chosen_cut", row.chosenCut());
        putIfCut(line, "rejected_cut", row.rejectedCut());
        return line;
    }

    private static void putIfCut(ObjectNode line, String field, int tokens) {
        if (tokens > 0) {
            line.put(field, tokens);
        }
    }
}
