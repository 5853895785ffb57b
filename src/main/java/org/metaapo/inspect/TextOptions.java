package org.metaapo.inspect;

/**
 * How a text for people looks.
 *
 * @param rows how many rows it shows
 * @param colour whether the reader sees colours
 * @param width columns of the terminal; 0 for a file or pipe, whose lines are never broken
 * @param ids show token ids
 * @param full show all lines of long texts
 */
public record TextOptions(int rows, boolean colour, int width, boolean ids, boolean full) {
    String paint(String text, Style style) {
        return style.paint(text, colour);
    }

    /** Columns for the text of a row, right of its gutter. */
    int textWidth() {
        return width == 0 ? 0 : Math.max(20, width - 2);
    }

    /** A heading with a line that fills the row. */
    String rule(String title) {
        int line = Math.max(3, (width == 0 ? 80 : Math.min(width, 120)) - TextLayout.columns(title) - 4);
        return paint("── ", Style.SOFT)
                + paint(TextLayout.oneLine(title), Style.HEADING)
                + paint(" " + "─".repeat(line), Style.SOFT);
    }
}
