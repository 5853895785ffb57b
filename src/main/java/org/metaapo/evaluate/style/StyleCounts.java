package org.metaapo.evaluate.style;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The Markdown of an answer, counted as Arena-Hard does: what stands between two fences of three backticks is deleted wherever it occurs in
 * the answer, the fences themselves stay.
 *
 * @param headers of levels 1 to 6
 * @param ordered items of numbered lists
 * @param unordered items of other lists
 * @param asterisks bold texts between {@code **}
 * @param underscores bold texts between {@code __}
 */
public record StyleCounts(List<Integer> headers, int ordered, int unordered, int asterisks, int underscores) {
    private static final int LEVELS = 6;
    /** As Python's: \s and \d are Unicode's, and only a line feed ends a line. */
    private static final int FLAGS = Pattern.MULTILINE | Pattern.UNIX_LINES | Pattern.UNICODE_CHARACTER_CLASS;
    private static final Pattern CODE = Pattern.compile("```([^`]*)```");
    private static final Pattern HEADER = Pattern.compile("^(#{1,6})" + Whitespace.CLASS, FLAGS);
    private static final Pattern ORDERED = Pattern.compile("^" + Whitespace.CLASS + "*\\d+\\." + Whitespace.CLASS, FLAGS);
    private static final Pattern UNORDERED = Pattern.compile("^" + Whitespace.CLASS + "*[-*+]" + Whitespace.CLASS, FLAGS);
    private static final Pattern ASTERISKS = Pattern.compile("\\*\\*[^*\\n]+\\*\\*");
    private static final Pattern UNDERSCORES = Pattern.compile("__[^_\\n]+__");

    /** Python's {@code \s}: Unicode's white space and the four separators of ASCII. */
    private static final class Whitespace {
        static final String CLASS = "[\\s\\x1c-\\x1f]";
    }

    /** Counts a text's. */
    public static StyleCounts of(String answer) {
        String text = withoutCode(answer);
        List<Integer> headers = new ArrayList<>();
        for (int level = 0; level < LEVELS; level++) {
            headers.add(0);
        }
        Matcher header = HEADER.matcher(text);
        while (header.find()) {
            int level = header.group(1).length() - 1;
            headers.set(level, headers.get(level) + 1);
        }
        return new StyleCounts(List.copyOf(headers), count(ORDERED, text), count(UNORDERED, text), count(ASTERISKS, text), count(UNDERSCORES, text));
    }

    private static String withoutCode(String answer) {
        List<String> blocks = new ArrayList<>();
        Matcher code = CODE.matcher(answer);
        while (code.find()) {
            blocks.add(code.group(1));
        }
        String text = answer;
        for (String block : blocks) {
            text = block.isEmpty() ? text : text.replace(block, "");
        }
        return text;
    }

    private static int count(Pattern pattern, String text) {
        int count = 0;
        for (Matcher matcher = pattern.matcher(text); matcher.find(); ) {
            count++;
        }
        return count;
    }

    public int header() {
        return headers.stream().mapToInt(Integer::intValue).sum();
    }

    public int list() {
        return ordered + unordered;
    }

    public int bold() {
        return asterisks + underscores;
    }
}
