package org.metaapo.inspect;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.metaapo.engine.Quantization;
import org.metaapo.train.Trained;

/** The whole inspection as text: rows, counts, histograms, findings. */
public final class InspectText {
    private static final int BINS = 12;
    private static final String EIGHTHS = " ▏▎▍▌▋▊▉█";

    private final Inspection.Result result;
    private final TextOptions options;
    private final StringBuilder out = new StringBuilder();

    private InspectText(Inspection.Result result, TextOptions options) {
        this.result = result;
        this.options = options;
    }

    /** The text. */
    public static String of(Inspection.Result result, TextOptions options) {
        InspectText text = new InspectText(result, options);
        RowText rows = new RowText(options, text.out);
        result.rows().stream().limit(options.rows()).forEach(rows::add);
        text.model();
        text.counts();
        text.lengths();
        text.pairs();
        text.stepZero();
        text.findings();
        return text.out.toString();
    }

    private void line(String name, String value, String note) {
        out.append(String.format(Locale.ROOT, "%-22s %14s", name, value));
        out.append(note.isEmpty() ? "" : "  " + options.paint(note, Style.SOFT)).append('\n');
    }

    private static String number(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    private void model() {
        Trained trained = result.options().trained();
        out.append(options.rule("model")).append('\n');
        line("weights", number(result.model().parameters()), result.model().architecture() + ", " + result.options().model());
        if (result.quantization() != Quantization.NONE) {
            line("linear maps", result.quantization().text(), result.quantization().described());
        }
        if (result.adapter() != null) {
            line("adapter's weights", number(result.adapter().weights()), result.adapter().what());
        }
        if (trained != null) {
            line("trained by the run", number(trained.weights()), trained.what());
        }
    }

    private void counts() {
        Statistics s = result.statistics();
        out.append(options.rule("rows")).append('\n');
        result.schemas().forEach((file, schema) -> out.append(TextLayout.oneLine(file.toString()))
                .append("  ")
                .append(options.paint(schema.columns(), Style.SOFT))
                .append('\n'));
        line(
                "rows",
                number(s.rows()),
                s.kinds().entrySet().stream()
                        .map(entry -> s.kinds().size() == 1
                                ? entry.getKey()
                                : number(entry.getValue()) + " " + entry.getKey())
                        .collect(Collectors.joining("; ")));
        line("kept", number(s.kept()), "");
        s.dropped.forEach((reason, tally) -> line("dropped", number(tally.count()), reason));
        line("bad", number(s.bad.count()), "");
        line(
                "prompts cut",
                number(s.cutPrompts.count()),
                cutNote(s.cutPrompts.count(), s.encoded(), result.options().maxPromptLength(), "prompt"));
        line(
                "answers cut",
                number(s.cutAnswers.count()),
                cutNote(s.cutAnswers.count(), s.answers(), result.options().maxLength(), "prompt and answer"));
        line("answers that merge", number(s.partedAnswers.count()), "with the prompt's end, when tokenized with it");
        line("prompts seen before", number(s.repeatedPrompts.count()), "");
        line("rows seen before", number(s.repeatedRows.count()), "");
        if (!s.unreadColumns.isEmpty()) {
            line("columns not read", number(s.unreadColumns.size()), TextLayout.oneLine(String.join(", ", s.unreadColumns.keySet())));
        }
        out.append('\n');
    }

    private static String cutNote(long count, long all, int limit, String what) {
        return Findings.percent(count, all) + ", longer than " + number(limit) + " tokens of " + what;
    }

    private void lengths() {
        Map<String, Lengths> all = new LinkedHashMap<>(result.statistics().lengths);
        if (all.isEmpty()) {
            return;
        }
        out.append(options.rule("lengths in tokens, as trained on")).append('\n');
        out.append(options.paint(
                        String.format(
                                Locale.ROOT,
                                "%-16s %9s %7s %7s %9s %7s %7s %7s",
                                "",
                                "count",
                                "min",
                                "median",
                                "mean",
                                "p95",
                                "p99",
                                "max"),
                        Style.SOFT))
                .append('\n');
        all.forEach((side, l) -> out.append(options.paint(String.format(Locale.ROOT, "%-16s", side), style(side)))
                .append(String.format(
                        Locale.ROOT,
                        " %,9d %,7d %,7d %,9.1f %,7d %,7d %,7d%n",
                        l.count(),
                        l.min(),
                        l.quantile(0.5),
                        l.mean(),
                        l.quantile(0.95),
                        l.quantile(0.99),
                        l.max())));
        out.append('\n');
        histogram(Map.of("prompt", all.remove("prompt")));
        if (!all.isEmpty()) {
            histogram(all);
        }
    }

    private static Style style(String side) {
        return side.equals("prompt") ? Style.PROMPT : Style.ofSide(side);
    }

    private void histogram(Map<String, Lengths> sides) {
        Bins bins = Bins.over(sides.values(), BINS);
        int max = sides.values().stream().mapToInt(Lengths::max).max().orElse(0);
        int labelWidth = 0;
        for (int i = 0; i < bins.count(); i++) {
            labelWidth = Math.max(labelWidth, bins.label(i, max).length());
        }
        int room = options.width() == 0 ? 80 : Math.min(options.width(), 120);
        int bar = Math.max(6, (room - labelWidth - 2) / sides.size() - 9);
        StringBuilder head = new StringBuilder(" ".repeat(labelWidth + 2));
        sides.keySet()
                .forEach(side -> head.append(
                        options.paint(String.format(Locale.ROOT, "%-" + (bar + 9) + "s", side), style(side))));
        out.append(head.toString().stripTrailing()).append('\n');
        Map<String, long[]> counts = new LinkedHashMap<>();
        sides.forEach((side, lengths) -> counts.put(side, bins.counts(lengths)));
        double most = sides.entrySet().stream()
                .mapToDouble(e -> Arrays.stream(counts.get(e.getKey())).max().orElse(0)
                        / (double) e.getValue().count())
                .max()
                .orElse(1);
        for (int i = 0; i < bins.count(); i++) {
            StringBuilder line = new StringBuilder(options.paint(
                    String.format(Locale.ROOT, "%" + labelWidth + "s  ", bins.label(i, max)), Style.SOFT));
            for (Map.Entry<String, Lengths> side : sides.entrySet()) {
                long count = counts.get(side.getKey())[i];
                String drawn = bar(count / (double) side.getValue().count() / most, bar);
                String share = count == 0
                        ? ""
                        : " " + Findings.percent(count, side.getValue().count());
                line.append(options.paint(drawn, style(side.getKey())));
                line.append(options.paint(share, Style.SOFT))
                        .append(" ".repeat(Math.max(0, bar + 9 - drawn.length() - share.length())));
            }
            out.append(line.toString().stripTrailing()).append('\n');
        }
        out.append('\n');
    }

    private static String bar(double share, int width) {
        int eighths = share <= 0 ? 0 : Math.max(1, (int) Math.round(share * width * 8));
        String full = "█".repeat(eighths / 8);
        return eighths % 8 == 0 ? full : full + EIGHTHS.charAt(eighths % 8);
    }

    private void pairs() {
        LengthBias bias = result.statistics().bias;
        if (bias.pairs() == 0) {
            return;
        }
        out.append(options.rule("chosen against rejected")).append('\n');
        line("pairs", number(bias.pairs()), "");
        line(
                "chosen is longer in",
                Findings.percent(bias.longer(), bias.pairs()),
                String.format(
                        Locale.ROOT,
                        "%+.1f tokens on average before any cut, ratio %.2f",
                        bias.meanDifference(),
                        bias.ratio()));
        line(
                "opposed pairs",
                number(result.statistics().opposedPairs.count()),
                "A over B in one row, B over A in another");
        out.append('\n');
    }

    private void stepZero() {
        StepZero zero = result.stepZero();
        if (zero == null) {
            return;
        }
        out.append(options.rule("step 0, the first " + number(zero.rows()) + " rows"))
                .append('\n');
        String guess = String.format(Locale.ROOT, "log p a token; a guess among all tokens gets %.2f", zero.uniform());
        line(zero.pairs() > 0 ? "chosen" : "answers", String.format(Locale.ROOT, "%.3f", zero.chosenPerToken()), guess);
        if (zero.pairs() > 0) {
            line("rejected", String.format(Locale.ROOT, "%.3f", zero.rejectedPerToken()), "log p a token");
        }
        line(
                "first tokens",
                String.format(Locale.ROOT, "%.3f", zero.firstPerToken()),
                "mean log p; low: the prompt ends in a way that the model does not know");
        line("last tokens", String.format(Locale.ROOT, "%.3f", zero.endPerToken()), "mean log p of the stop token");
        if (zero.pairs() > 0) {
            line(
                    "accuracy",
                    String.format(Locale.ROOT, "%.1f %%", 100 * zero.accuracy()),
                    "pairs whose chosen answer has the larger log p");
            line(
                    "loss",
                    String.format(Locale.ROOT, "%.6f", zero.loss()),
                    "DPO with policy = reference; ln 2 = 0.693147");
        }
        out.append('\n');
    }

    private void findings() {
        List<Finding> findings = result.findings();
        out.append(options.rule("findings")).append('\n');
        if (findings.isEmpty()) {
            out.append(options.paint("✓ nothing that would hurt a run", Style.GOOD))
                    .append('\n');
        }
        for (Finding finding : findings) {
            Style style = finding.error() ? Style.ERROR : Style.WARNING;
            TextLayout layout = new TextLayout(options.textWidth(), options.colour());
            layout.add((finding.error() ? "✗ " : "! ") + finding.name(), style);
            layout.add("  " + TextLayout.oneLine(finding.message()), Style.PLAIN);
            layout.endLine();
            layout.add("→ " + TextLayout.oneLine(finding.advice()), Style.PLAIN);
            layout.endLine();
            layout.add(
                    finding.examples().stream().map(TextLayout::oneLine).collect(Collectors.joining("; ")), Style.SOFT);
            List<String> lines = layout.lines();
            out.append(lines.get(0)).append('\n');
            lines.stream().skip(1).forEach(line -> out.append("  ").append(line).append('\n'));
        }
    }
}
