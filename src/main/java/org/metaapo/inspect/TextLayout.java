package org.metaapo.inspect;

import java.util.ArrayList;
import java.util.List;
import org.jline.utils.WCWidth;

/** Breaks styled text into lines of a terminal, which is never sent a control character of the data. */
public final class TextLayout {
    private final int width;
    private final boolean colour;
    private final List<String> lines = new ArrayList<>();
    private final StringBuilder line = new StringBuilder();
    private final StringBuilder run = new StringBuilder();
    private Style style = Style.PLAIN;
    private int column;

    /** Lines of up to {@code width} columns; 0 for no limit. */
    TextLayout(int width, boolean colour) {
        this.width = width;
        this.colour = colour;
    }

    /** Appends text, with line ends, tabs and control characters made visible. */
    void add(String text, Style next) {
        turn(next);
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            if (c == '\n') {
                turn(Style.SOFT);
                run.append('↵');
                newLine();
                turn(next);
                continue;
            }
            String shown = visible(c);
            int columns = columns(shown);
            if (width > 0 && column + columns > width) {
                newLine();
            }
            run.append(shown);
            column += columns;
        }
    }

    /** What comes next has this style. */
    private void turn(Style next) {
        if (next != style) {
            flush();
            style = next;
        }
    }

    private void flush() {
        line.append(style.paint(run.toString(), colour));
        run.setLength(0);
    }

    private void newLine() {
        flush();
        lines.add(line.toString());
        line.setLength(0);
        column = 0;
    }

    /** Ends the line, if it has something. */
    void endLine() {
        if (!line.isEmpty() || !run.isEmpty()) {
            newLine();
        }
    }

    /** The lines so far. */
    List<String> lines() {
        endLine();
        return lines;
    }

    /** Columns that a text takes. */
    static int columns(String text) {
        return text.codePoints().map(c -> Math.max(0, WCWidth.wcwidth(c))).sum();
    }

    /** What stands for a character: control characters as their pictures, characters that change the direction as numbers. */
    public static String visible(int c) {
        if (c == '\t') {
            return "⇥   ";
        }
        if (c < 0x20) {
            return Character.toString(0x2400 + c);
        }
        boolean hidden = c >= 0x7f && c < 0xa0
                || c >= 0x202a && c <= 0x202e
                || c >= 0x2066 && c <= 0x2069
                || c == 0x200e
                || c == 0x200f
                || c == 0x2028
                || c == 0x2029;
        return hidden ? String.format("<U+%04X>", c) : Character.toString(c);
    }

    /** A text of several lines on one, control characters made visible. */
    static String oneLine(String text) {
        StringBuilder shown = new StringBuilder();
        text.codePoints().forEach(c -> shown.append(c == '\n' ? "↵" : visible(c)));
        return shown.toString();
    }
}
