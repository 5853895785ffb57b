package org.metaapo.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jline.utils.WCWidth;

/**
 * Text that grows, in lines of so many columns. Lines are broken at blanks and beside wide characters, words longer than a line anywhere;
 * all lines but the last one stay as they are when more comes.
 */
final class WrappedText {
    private static final Pattern CLUSTER = Pattern.compile("\\X");
    private static final String TAB = "    ";

    private final int width;
    private final List<String> done = new ArrayList<>();
    private final StringBuilder paragraph = new StringBuilder();
    private List<String> open = List.of("");

    /** @param width columns, 2 or more */
    WrappedText(int width) {
        this.width = width;
    }

    /** Columns that a text takes on a terminal; of a sequence that some terminals draw as one character, those of its parts. */
    static int columns(String text) {
        int columns = 0;
        Matcher clusters = CLUSTER.matcher(text);
        while (clusters.find()) {
            columns += clusterColumns(clusters.group());
        }
        return columns;
    }

    private static int clusterColumns(String cluster) {
        int columns = cluster.codePoints().map(c -> Math.max(0, WCWidth.wcwidth(c))).sum();
        // The selector asks for a picture, which is wide.
        return columns == 1 && cluster.indexOf('\uFE0F') > 0 ? 2 : columns;
    }

    /** The beginning of a text that takes at most so many columns. */
    static String cut(String text, int most) {
        StringBuilder kept = new StringBuilder();
        int columns = 0;
        Matcher clusters = CLUSTER.matcher(text);
        while (clusters.find()) {
            columns += clusterColumns(clusters.group());
            if (columns > most) {
                break;
            }
            kept.append(clusters.group());
        }
        return kept.toString();
    }

    /** More text, without control characters but tabs and ends of lines. */
    void append(String more) {
        int from = 0;
        for (int end = more.indexOf('\n'); end >= 0; end = more.indexOf('\n', from)) {
            paragraph.append(more, from, end);
            done.addAll(lines(paragraph.toString()));
            paragraph.setLength(0);
            from = end + 1;
        }
        paragraph.append(more.substring(from));
        open = lines(paragraph.toString());
    }

    /** The lines; without an empty one at the end. */
    List<String> lines() {
        List<String> all = new ArrayList<>(done);
        if (paragraph.length() > 0) {
            all.addAll(open);
        }
        return all;
    }

    /** How many lines stay as they are. */
    int certain() {
        return done.size() + open.size() - 1;
    }

    private List<String> lines(String text) {
        Breaking breaking = new Breaking();
        Matcher clusters = CLUSTER.matcher(text.replace("\t", TAB));
        while (clusters.find()) {
            breaking.take(clusters.group());
        }
        return breaking.end();
    }

    /** A paragraph, broken greedily. */
    private final class Breaking {
        private final List<String> lines = new ArrayList<>();
        private final StringBuilder line = new StringBuilder();
        private final StringBuilder word = new StringBuilder();
        private int lineColumns;
        private int wordColumns;

        void take(String cluster) {
            int columns = clusterColumns(cluster);
            if (cluster.equals(" ")) {
                place();
                if (lineColumns < width) {
                    line.append(' ');
                    lineColumns++;
                }
                return;
            }
            if (columns > 1 || wordColumns + columns > width) {
                place();
            }
            word.append(cluster);
            wordColumns += columns;
            if (columns > 1) {
                place();
            }
        }

        /** Puts the word at the line's end, or on the next line. */
        private void place() {
            if (lineColumns + wordColumns > width && lineColumns > 0) {
                endLine();
            }
            line.append(word);
            lineColumns += wordColumns;
            word.setLength(0);
            wordColumns = 0;
        }

        private void endLine() {
            lines.add(line.toString().stripTrailing());
            line.setLength(0);
            lineColumns = 0;
        }

        List<String> end() {
            place();
            endLine();
            return lines;
        }
    }
}
