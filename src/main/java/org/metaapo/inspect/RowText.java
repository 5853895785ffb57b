package org.metaapo.inspect;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Rows as text for a terminal, or for a file or pipe without colour. */
final class RowText {
    private static final int MOST_LINES = 40;

    private final TextOptions options;
    private final StringBuilder out;

    RowText(TextOptions options, StringBuilder out) {
        this.options = options;
        this.out = out;
    }

    void add(ShownRow row) {
        SeenRow seen = row.seen();
        String title = seen.row().source() + "  row " + seen.row().id();
        if (seen.row().label() != null) {
            title += "  label " + seen.row().label();
        }
        out.append(options.rule(title)).append('\n');
        if (seen.dropped() != null) {
            out.append(options.paint("dropped: " + seen.dropped(), Style.ERROR)).append('\n');
        }
        part("prompt", "read, not trained on", seen.prompt().length, seen.promptCut(), Style.PROMPT, layout -> {
            cut(layout, row.promptCut());
            pieces(layout, row.prompt(), Style.PROMPT);
        });
        for (int i = 0; i < row.answers().size(); i++) {
            ShownRow.Answer answer = row.answers().get(i);
            SeenAnswer of = seen.answers().get(i);
            Style style = Style.ofSide(answer.side());
            part(
                    answer.side(),
                    (of.masked() > 0 ? of.masked() + " masked, the rest trained on" : "trained on") + logps(answer),
                    of.ids().length,
                    of.cut(),
                    style,
                    layout -> {
                        pieces(layout, answer.pieces(), style);
                        cut(layout, answer.cut());
                        tail(layout, answer.tail());
                    });
        }
        out.append('\n');
    }

    private static String logps(ShownRow.Answer answer) {
        if (answer.logps() == null) {
            return "";
        }
        double sum = 0;
        for (float logp : answer.logps()) {
            sum += logp;
        }
        return String.format(Locale.ROOT, ", log p %.2f, %.2f a token", sum, sum / answer.logps().length);
    }

    private interface Body {
        void fill(TextLayout layout);
    }

    private void part(String name, String use, int tokens, int cut, Style style, Body body) {
        String note = String.format(
                Locale.ROOT,
                "%,d tokens%s, %s",
                tokens,
                cut > 0 ? String.format(Locale.ROOT, " (%,d cut)", cut) : "",
                use);
        out.append(options.paint(name, style))
                .append(options.paint("  " + note, Style.SOFT))
                .append('\n');
        TextLayout layout = new TextLayout(options.textWidth(), options.colour());
        body.fill(layout);
        String gutter = options.paint("│ ", style);
        for (String line : shortened(layout.lines())) {
            out.append(gutter).append(line).append('\n');
        }
    }

    private List<String> shortened(List<String> lines) {
        if (options.full() || lines.size() <= MOST_LINES) {
            return lines;
        }
        int half = MOST_LINES / 2;
        List<String> shown = new ArrayList<>(lines.subList(0, half));
        shown.add(options.paint("… " + (lines.size() - 2 * half) + " more lines (--full shows them)", Style.SOFT));
        shown.addAll(lines.subList(lines.size() - half, lines.size()));
        return shown;
    }

    private void pieces(TextLayout layout, List<Piece> pieces, Style style) {
        boolean masked = false;
        for (Piece piece : pieces) {
            if (piece.masked() != masked) {
                layout.add(masked ? "⟩" : "⟨masked: ", Style.SOFT);
                masked = piece.masked();
            }
            layout.add(piece.text(), style(piece, style));
            if (options.ids()) {
                layout.add(
                        "["
                                + Arrays.stream(piece.ids())
                                        .mapToObj(Integer::toString)
                                        .collect(Collectors.joining(" "))
                                + "]",
                        Style.SOFT);
            }
        }
    }

    /** Masked pieces look like the prompt: read, not trained on. */
    private static Style style(Piece piece, Style style) {
        if (piece.masked()) {
            return Style.MASKED;
        }
        return piece.special() && style != Style.CUT ? Style.SPECIAL : style;
    }

    private void cut(TextLayout layout, List<Piece> pieces) {
        if (!pieces.isEmpty()) {
            layout.add("⟨cut: ", Style.CUT);
            pieces(layout, pieces, Style.CUT);
            layout.add("⟩", Style.CUT);
        }
    }

    private void tail(TextLayout layout, String tail) {
        if (!tail.isEmpty()) {
            layout.add("⟨left out: ", Style.SOFT);
            layout.add(TextLayout.oneLine(tail), Style.SOFT);
            layout.add("⟩", Style.SOFT);
        }
    }
}
