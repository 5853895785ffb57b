package org.metaapo.chat;

import java.io.PrintWriter;
import java.util.List;

/**
 * The answers of two models in two columns while they are written. Rows that both sides have stay; those that one side has alone are
 * drawn anew with each token, and as many of them are shown as the screen has room for.
 */
final class ColumnsView implements AnswerView {
    /** Columns of a screen from which two answers fit side by side. */
    static final int LEAST_WIDTH = 120;

    private static final int GAP = 4;
    private static final int MARGIN = 2;

    private final PrintWriter out;
    private final int screenHeight;
    private final int width;
    private final List<String> names;
    private final ChatStyle style;
    private WrappedText[] texts;
    private boolean[] over;
    private int kept;
    private int drawn;

    /** On a screen of so many columns and rows. */
    ColumnsView(PrintWriter out, int screenWidth, int screenHeight, List<String> names, ChatStyle style) {
        this.out = out;
        this.screenHeight = screenHeight;
        // One column stays free, for in the last one a terminal may begin the next row.
        this.width = (screenWidth - GAP) / 2;
        this.names = names;
        this.style = style;
    }

    @Override
    public boolean isSideBySide() {
        return true;
    }

    @Override
    public void begin(List<Integer> models) {
        texts = new WrappedText[] {new WrappedText(width), new WrappedText(width)};
        over = new boolean[2];
        kept = 0;
        drawn = 0;
        row(style.name(heading(0)), style.name(heading(1)));
        out.flush();
    }

    private String heading(int model) {
        String name = names.get(model);
        int columns = WrappedText.columns(name);
        // Of a path the end tells more.
        return columns <= width ? name : "…" + name.substring(Math.max(0, name.length() - width + 1));
    }

    @Override
    public void text(int model, String more) {
        texts[model].append(style.text(more));
        draw();
    }

    @Override
    public void over(int model) {
        over[model] = true;
        draw();
    }

    @Override
    public void end(List<String> notes) {
        over = new boolean[] {true, true};
        draw();
        notes.forEach(line -> out.println(style.note(line)));
        out.println();
        out.flush();
    }

    private void draw() {
        List<String> left = texts[0].lines();
        List<String> right = texts[1].lines();
        int rows = Math.max(left.size(), right.size());
        int certain = Math.max(kept, Math.min(Math.min(certain(0), certain(1)), rows));
        int last = Math.min(rows, certain + Math.max(1, screenHeight - MARGIN));
        if (drawn > 0) {
            out.print("\u001b[" + drawn + "A");
        }
        for (int i = kept; i < last; i++) {
            row(i < left.size() ? left.get(i) : "", i < right.size() ? right.get(i) : "");
        }
        drawn = last - certain;
        kept = certain;
        out.flush();
    }

    private int certain(int model) {
        return over[model] ? Integer.MAX_VALUE : texts[model].certain();
    }

    /** The line between them stands in its column, however wide a terminal draws what is left of it. */
    private void row(String left, String right) {
        out.print("\r\u001b[2K" + left + "\u001b[" + (width + 2) + "G" + style.note("│") + "\u001b[" + (width + 4) + "G" + right + "\n");
    }
}
