package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Python's view of text: a sequence of code points, with Python's idea of whitespace. */
final class PyText {
    private PyText() {}

    static boolean isSpace(int c) {
        return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680
                || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
    }

    /** Whether only whitespace follows {@code from}. */
    static boolean isBlank(String text, int from) {
        for (int i = from; i < text.length(); i++) {
            if (!isSpace(text.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    static boolean isIdentifier(String text) {
        if (text.isEmpty()) {
            return false;
        }
        int first = text.codePointAt(0);
        return (first == '_' || Character.isUnicodeIdentifierStart(first))
                && text.codePoints().skip(1).allMatch(c -> c == '_' || (Character.isUnicodeIdentifierPart(c) && !Character.isIdentifierIgnorable(c)));
    }

    /** Decimal digits of any script as ASCII ones, as Python reads numbers. */
    static String asciiDigits(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> out.appendCodePoint(Character.isDigit(c) ? '0' + Character.digit(c, 10) : c));
        return out.toString();
    }

    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    static String lstrip(String text, String characters) {
        int start = 0;
        while (start < text.length() && strips(text.codePointAt(start), characters)) {
            start += Character.charCount(text.codePointAt(start));
        }
        return text.substring(start);
    }

    static String rstrip(String text, String characters) {
        int end = text.length();
        while (end > 0 && strips(text.codePointBefore(end), characters)) {
            end -= Character.charCount(text.codePointBefore(end));
        }
        return text.substring(0, end);
    }

    /** @param characters what to strip, or null for whitespace */
    static String strip(String text, String characters) {
        return lstrip(rstrip(text, characters), characters);
    }

    private static boolean strips(int c, String characters) {
        return characters == null ? isSpace(c) : characters.indexOf(c) >= 0;
    }

    /** The single characters as texts. */
    static List<Object> characters(String text) {
        List<Object> out = new ArrayList<>(text.length());
        for (int i = 0; i < text.length(); ) {
            int width = Character.charCount(text.codePointAt(i));
            out.add(text.substring(i, i + width));
            i += width;
        }
        return out;
    }

    /** {@code str.split()} with a separator, or on runs of whitespace when it is null. A negative limit means none. */
    static List<Object> split(String text, String separator, long limit) {
        return separator == null ? splitSpace(text, limit) : splitOn(text, separator, limit);
    }

    private static List<Object> splitOn(String text, String separator, long limit) {
        List<Object> parts = new ArrayList<>();
        int start = 0;
        for (int found = text.indexOf(separator); found >= 0 && (limit < 0 || parts.size() < limit); ) {
            parts.add(text.substring(start, found));
            start = found + separator.length();
            found = text.indexOf(separator, start);
        }
        parts.add(text.substring(start));
        return parts;
    }

    private static List<Object> splitSpace(String text, long limit) {
        List<Object> parts = new ArrayList<>();
        int at = 0;
        while (true) {
            while (at < text.length() && isSpace(text.charAt(at))) {
                at++;
            }
            if (at == text.length()) {
                return parts;
            }
            if (limit >= 0 && parts.size() >= limit) {
                parts.add(text.substring(at));
                return parts;
            }
            int start = at;
            while (at < text.length() && !isSpace(text.charAt(at))) {
                at++;
            }
            parts.add(text.substring(start, at));
        }
    }

    /** {@code str.rsplit()}, as {@link #split} but counted from the end. */
    static List<Object> splitFromEnd(String text, String separator, long limit) {
        List<Object> parts = new ArrayList<>();
        if (separator == null) {
            splitSpaceFromEnd(rstrip(text, null), limit, parts);
        } else {
            String rest = text;
            for (int cut = rest.lastIndexOf(separator); cut >= 0 && (limit < 0 || parts.size() < limit); ) {
                parts.add(rest.substring(cut + separator.length()));
                rest = rest.substring(0, cut);
                cut = rest.lastIndexOf(separator);
            }
            parts.add(rest);
        }
        Collections.reverse(parts);
        return parts;
    }

    private static void splitSpaceFromEnd(String text, long limit, List<Object> parts) {
        String rest = text;
        while (!rest.isEmpty()) {
            if (limit >= 0 && parts.size() >= limit) {
                parts.add(rest);
                return;
            }
            int from = rest.length();
            while (from > 0 && !isSpace(rest.charAt(from - 1))) {
                from--;
            }
            parts.add(rest.substring(from));
            rest = rstrip(rest.substring(0, from), null);
        }
    }

    static List<Object> lines(String text, boolean keepEnds) {
        List<Object> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if ((c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029) {
                int end = c == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n' ? i + 2 : i + 1;
                lines.add(text.substring(start, keepEnds ? end : i));
                start = end;
                i = end - 1;
            }
        }
        if (start < text.length()) {
            lines.add(text.substring(start));
        }
        return lines;
    }

    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        String first = text.substring(0, Character.charCount(text.codePointAt(0)));
        return titleCase(first) + lower(text).substring(lower(first).length());
    }

    static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    static String upper(String text) {
        return text.toUpperCase(Locale.ROOT);
    }

    private static String titleCase(String character) {
        int c = character.codePointAt(0);
        int title = Character.toTitleCase(c);
        String large = upper(character);
        if (title != c || Character.isTitleCase(c) || large.length() == character.length()) {
            return Character.toString(title);
        }
        if (c == 'ŉ') {
            return large;
        }
        // ß, the ligatures and Greek with accents have no single title-case letter: the first is large, the rest small.
        String rest = lower(large.substring(1));
        return large.charAt(0) + (c >= 0x1f80 && c <= 0x1fff ? rest.replace('ι', '\u0345') : rest);
    }

    /** {@code str.title()}: every letter after a non-letter is large. */
    static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        String lowered = lower(text);
        int at = 0;
        boolean inWord = false;
        for (Object each : characters(text)) {
            String character = (String) each;
            // A capital sigma is lowered by its neighbours, so not each on its own; the length is the same.
            int end = at + lower(character).length();
            out.append(inWord ? lowered.substring(at, end) : titleCase(character));
            at = end;
            int c = character.codePointAt(0);
            inWord = Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
        }
        return out.toString();
    }

    static String swapCase(String text) {
        StringBuilder out = new StringBuilder(text.length());
        String lowered = lower(text);
        int at = 0;
        for (Object each : characters(text)) {
            String character = (String) each;
            int end = at + lower(character).length();
            int c = character.codePointAt(0);
            out.append(Character.isUpperCase(c) ? lowered.substring(at, end) : Character.isLowerCase(c) ? upper(character) : character);
            at = end;
        }
        return out.toString();
    }

    /** {@code str.replace()}; a negative count replaces all. */
    static String replace(String text, String old, String replacement, long count, Budget budget) {
        if (count == 0) {
            return text;
        }
        StringBuilder out = new StringBuilder();
        int at = 0;
        long done = 0;
        while (count < 0 || done < count) {
            int found = old.isEmpty() ? at : text.indexOf(old, at);
            if (found < 0 || at > text.length()) {
                break;
            }
            out.append(text, at, found).append(replacement);
            budget.text(out.length());
            done++;
            if (old.isEmpty()) {
                if (at == text.length()) {
                    return out.toString();
                }
                int width = Character.charCount(text.codePointAt(at));
                out.append(text, at, at + width);
                at += width;
            } else {
                at = found + old.length();
            }
        }
        return out.append(text.substring(at)).toString();
    }
}
