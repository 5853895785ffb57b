package org.metaapo.chat;

import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jline.utils.WCWidth;

/** A terminal's screen with what has scrolled off it, for the sequences that answers are drawn by; anything else is a failure. */
final class Screen extends Writer {
    private final int columns;
    private final int height;
    private final List<int[]> rows = new ArrayList<>();
    private int top;
    private int row;
    private int column;
    private String pending = "";

    Screen(int columns, int height) {
        this.columns = columns;
        this.height = height;
        rows.add(new int[columns]);
    }

    @Override
    public void write(char[] chars, int offset, int length) {
        String text = pending + new String(chars, offset, length);
        int i = 0;
        while (i < text.length()) {
            int c = text.codePointAt(i);
            if (c == '\u001b') {
                int end = i + 2;
                while (end < text.length() && !Character.isLetter(text.charAt(end))) {
                    end++;
                }
                if (end >= text.length()) {
                    break;
                }
                move(text.substring(i + 2, end), text.charAt(end));
                i = end + 1;
            } else {
                put(c);
                i += Character.charCount(c);
            }
        }
        pending = text.substring(i);
    }

    private void move(String number, char what) {
        switch (what) {
            case 'A' -> {
                row -= Integer.parseInt(number);
                if (row < top) {
                    throw new AssertionError("moved above the screen, where nothing can be drawn");
                }
            }
            case 'G' -> column = Integer.parseInt(number) - 1;
            case 'K' -> rows.set(row, new int[columns]);
            case 'm' -> { }
            default -> throw new AssertionError("sequence " + number + what);
        }
    }

    private void put(int c) {
        if (c == '\r') {
            column = 0;
        } else if (c == '\n') {
            row++;
            column = 0;
            if (row == rows.size()) {
                rows.add(new int[columns]);
            }
            top = Math.max(top, rows.size() - height);
        } else {
            int width = Math.max(0, WCWidth.wcwidth(c));
            if (column + width >= columns) {
                throw new AssertionError("the last column is used, behind which a terminal may begin the next row");
            }
            if (width > 0) {
                rows.get(row)[column] = c;
            }
            column += width;
        }
    }

    /** Columns {@code from} to {@code to} of a row, without the blanks at its end. */
    String text(int which, int from, int to) {
        StringBuilder text = new StringBuilder();
        IntStream.range(from, to).map(i -> rows.get(which)[i]).forEach(c -> {
            if (c != 0) {
                text.appendCodePoint(c);
            } else if (text.length() == 0 || WCWidth.wcwidth(text.codePointBefore(text.length())) < 2) {
                text.append(' ');
            }
        });
        return text.toString().stripTrailing();
    }

    /** How many rows were begun. */
    int rows() {
        return rows.size();
    }

    @Override
    public void flush() {
        // Nothing is held back.
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
