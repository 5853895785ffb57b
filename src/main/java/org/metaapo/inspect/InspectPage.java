package org.metaapo.inspect;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.files.Destination;
import org.metaapo.files.Json;
import org.metaapo.report.HtmlPage;

/** The whole inspection as one page that needs no other file. */
public final class InspectPage {
    private static final int BINS = 40;
    /** Pieces of all rows shown: about 10 MB of page. */
    private static final int MOST_PIECES = 300_000;

    private final Inspection.Result result;
    private final Statistics statistics;
    private final ObjectNode data = Json.mapper().createObjectNode();

    private InspectPage(Inspection.Result result) {
        this.result = result;
        this.statistics = result.statistics();
    }

    /** Writes the page. */
    public static void write(Destination out, Inspection.Result result) {
        String page = HtmlPage.text(InspectPage.class, "inspect", "metaapo inspect", new InspectPage(result).data());
        out.write(writer -> writer.write(page));
    }

    private ObjectNode data() {
        InspectOptions options = result.options();
        data.put("model", options.model() + (options.adapter() == null ? "" : " with the adapter " + options.adapter()))
                .put("architecture", result.model().architecture());
        data.put("max_length", options.maxLength()).put("max_prompt_length", options.maxPromptLength());
        ArrayNode files = data.putArray("files");
        result.schemas()
                .forEach((file, schema) ->
                        files.addObject().put("file", file.toString()).put("columns", schema.columns()));
        data.set("findings", Json.mapper().valueToTree(result.findings()));
        counts();
        lengths();
        stepZero();
        rows();
        return data;
    }

    private void counts() {
        ObjectNode counts =
                data.putObject("counts").put("rows", statistics.rows()).put("kept", statistics.kept());
        counts.put("bad", statistics.bad.count())
                .put("encoded", statistics.encoded())
                .put("answers", statistics.answers());
        counts.put("prompts_cut", statistics.cutPrompts.count()).put("answers_cut", statistics.cutAnswers.count());
        counts.put("repeated_prompts", statistics.repeatedPrompts.count())
                .put("repeated_rows", statistics.repeatedRows.count());
        counts.put("opposed_pairs", statistics.opposedPairs.count());
        counts.put("merging_answers", statistics.partedAnswers.count());
        ArrayNode unread = data.putArray("columns_not_read");
        statistics.unreadColumns.keySet().forEach(unread::add);
        ArrayNode kinds = data.putArray("kinds");
        statistics
                .kinds()
                .forEach((kind, count) -> kinds.addObject().put("kind", kind).put("count", count));
        ArrayNode dropped = data.putArray("dropped");
        statistics.dropped.forEach(
                (reason, tally) -> dropped.addObject().put("reason", reason).put("count", tally.count()));
        LengthBias bias = statistics.bias;
        if (bias.pairs() > 0) {
            data.putObject("bias")
                    .put("pairs", bias.pairs())
                    .put("longer", bias.longer())
                    .put("mean_difference", bias.meanDifference())
                    .put("ratio", bias.ratio());
        }
    }

    private void lengths() {
        ArrayNode table = data.putArray("lengths");
        Map<String, Lengths> answers = new LinkedHashMap<>(statistics.lengths);
        answers.forEach((side, l) -> table.addObject()
                .put("side", side)
                .put("count", l.count())
                .put("min", l.min())
                .put("median", l.quantile(0.5))
                .put("mean", l.mean())
                .put("p95", l.quantile(0.95))
                .put("p99", l.quantile(0.99))
                .put("max", l.max()));
        ArrayNode histograms = data.putArray("histograms");
        Lengths prompt = answers.remove("prompt");
        if (prompt != null) {
            histogram(histograms.addObject(), Map.of("prompt", prompt));
        }
        if (!answers.isEmpty()) {
            histogram(histograms.addObject(), answers);
        }
    }

    private static void histogram(ObjectNode node, Map<String, Lengths> sides) {
        Bins bins = Bins.over(sides.values(), BINS);
        int max = sides.values().stream().mapToInt(Lengths::max).max().orElse(0);
        node.put("width", bins.width()).put("open", max >= bins.from(bins.count()));
        ArrayNode edges = node.putArray("bins");
        ArrayNode labels = node.putArray("labels");
        for (int i = 0; i < bins.count(); i++) {
            edges.add(bins.from(i));
            labels.add(bins.label(i, max));
        }
        ArrayNode all = node.putArray("sides");
        sides.forEach((side, lengths) -> {
            ArrayNode counts = all.addObject()
                    .put("side", side)
                    .put("count", lengths.count())
                    .putArray("counts");
            for (long count : bins.counts(lengths)) {
                counts.add(count);
            }
        });
    }

    private void stepZero() {
        StepZero zero = result.stepZero();
        if (zero == null) {
            return;
        }
        ObjectNode node = data.putObject("step_zero").put("rows", zero.rows()).put("pairs", zero.pairs());
        node.put("chosen_per_token", zero.chosenPerToken()).put("first_per_token", zero.firstPerToken());
        node.put("uniform", zero.uniform());
        if (!Double.isNaN(zero.endPerToken())) {
            node.put("end_per_token", zero.endPerToken());
        }
        if (zero.pairs() > 0) {
            node.put("rejected_per_token", zero.rejectedPerToken())
                    .put("loss", zero.loss())
                    .put("accuracy", zero.accuracy());
        }
    }

    private void rows() {
        ArrayNode rows = data.putArray("rows");
        long pieces = 0;
        for (ShownRow row : result.rows()) {
            pieces += row.pieces();
            if (pieces > MOST_PIECES && !rows.isEmpty()) {
                break;
            }
            row(rows.addObject(), row);
        }
        data.put("rows_left_out", statistics.encoded() - rows.size());
    }

    private static void row(ObjectNode node, ShownRow row) {
        SeenRow seen = row.seen();
        node.put("row", seen.row().id()).put("source", seen.row().source());
        if (seen.row().label() != null) {
            node.put("label", seen.row().label());
        }
        if (seen.dropped() != null) {
            node.put("dropped", seen.dropped());
        }
        node.put("prompt_tokens", seen.prompt().length).put("prompt_cut", seen.promptCut());
        pieces(node.putArray("prompt_cut_pieces"), row.promptCut());
        pieces(node.putArray("prompt"), row.prompt());
        ArrayNode answers = node.putArray("answers");
        for (int i = 0; i < row.answers().size(); i++) {
            ShownRow.Answer answer = row.answers().get(i);
            SeenAnswer of = seen.answers().get(i);
            ObjectNode one = answers.addObject()
                    .put("side", answer.side())
                    .put("tokens", of.ids().length)
                    .put("cut", of.cut())
                    .put("masked", of.masked());
            pieces(one.putArray("pieces"), answer.pieces());
            pieces(one.putArray("cut_pieces"), answer.cut());
            one.put("tail", answer.tail());
            if (answer.logps() != null) {
                ArrayNode logps = one.putArray("logps");
                for (float logp : answer.logps()) {
                    logps.add(Math.round(logp * 1000) / 1000.0);
                }
            }
        }
    }

    private static void pieces(ArrayNode array, List<Piece> pieces) {
        for (Piece piece : pieces) {
            ArrayNode one = array.addArray().add(piece.text());
            ArrayNode ids = one.addArray();
            for (int id : piece.ids()) {
                ids.add(id);
            }
            if (piece.special() || piece.masked()) {
                one.add(piece.special() ? 1 : 0);
            }
            if (piece.masked()) {
                one.add(1);
            }
        }
    }
}
