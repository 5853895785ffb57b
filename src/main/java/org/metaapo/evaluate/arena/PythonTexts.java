package org.metaapo.evaluate.arena;

import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Texts that a Python file gives names to at the start of a line; nothing of it is run. */
final class PythonTexts {
    private static final String LITERAL = "\"\"\"(?:[^\\\\]|\\\\.)*?\"\"\"|'''(?:[^\\\\]|\\\\.)*?'''|\"(?:[^\"\\\\\\n]|\\\\.)*\"|'(?:[^'\\\\\\n]|\\\\.)*'";
    private static final Pattern ASSIGNMENT = Pattern.compile("(?ms)^([A-Za-z_]\\w*)\\s*=\\s*\\(?\\s*((?:(?:" + LITERAL + ")\\s*)+)");
    private static final Pattern ONE = Pattern.compile("(?s)" + LITERAL);
    private static final Pattern ESCAPE = Pattern.compile("(?s)\\\\(\\r?\\n|.)");

    private PythonTexts() {}

    /** All names. */
    static Map<String, String> of(String source) {
        Map<String, String> texts = new HashMap<>();
        Matcher found = ASSIGNMENT.matcher(source);
        while (found.find()) {
            texts.put(found.group(1), value(found.group(2)));
        }
        return texts;
    }

    /** The value of literals in a row. */
    static String value(String literals) {
        StringBuilder text = new StringBuilder();
        Matcher one = ONE.matcher(literals);
        while (one.find()) {
            String literal = one.group();
            int quotes = literal.length() >= 6 && (literal.startsWith("\"\"\"") || literal.startsWith("'''")) ? 3 : 1;
            text.append(ESCAPE.matcher(literal.substring(quotes, literal.length() - quotes)).replaceAll(PythonTexts::unescaped));
        }
        return text.toString();
    }

    private static String unescaped(java.util.regex.MatchResult escape) {
        String c = escape.group(1);
        return Matcher.quoteReplacement(switch (c) {
            case "n" -> "\n";
            case "t" -> "\t";
            case "r" -> "\r";
            case "\"", "'", "\\" -> c;
            default -> c.endsWith("\n") ? "" : escape.group();
        });
    }
}
