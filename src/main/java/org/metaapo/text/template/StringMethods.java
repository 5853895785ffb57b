package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** Methods of strings, as Python's. */
final class StringMethods {
    private StringMethods() {}

    /** The method of a string, or null. */
    static Callable find(String s, String name) {
        return switch (name) {
            case "strip" -> (p, n) -> strip(s, p, true, true);
            case "lstrip" -> (p, n) -> strip(s, p, true, false);
            case "rstrip" -> (p, n) -> strip(s, p, false, true);
            case "startswith" -> (p, n) -> any(p.get(0), part -> range(s, p).startsWith(part));
            case "endswith" -> (p, n) -> any(p.get(0), part -> range(s, p).endsWith(part));
            case "upper" -> (p, n) -> s.toUpperCase(Locale.ROOT);
            case "lower" -> (p, n) -> s.toLowerCase(Locale.ROOT);
            case "capitalize" -> (p, n) -> capitalize(s);
            case "title" -> (p, n) -> title(s);
            case "replace" -> (p, n) -> replace(s, text(p.get(0)), text(p.get(1)), p.size() > 2 ? Values.integer(p.get(2)) : -1);
            case "split" -> (p, n) -> split(s, argument(p, n, 0, "sep"), argument(p, n, 1, "maxsplit"), false);
            case "rsplit" -> (p, n) -> split(s, argument(p, n, 0, "sep"), argument(p, n, 1, "maxsplit"), true);
            case "splitlines" -> (p, n) -> lines(s, Values.truth(argument(p, n, 0, "keepends")));
            case "join" -> (p, n) -> join(s, p.get(0));
            case "find" -> (p, n) -> position(s, p, false);
            case "rfind" -> (p, n) -> position(s, p, true);
            case "index" -> (p, n) -> found(position(s, p, false));
            case "rindex" -> (p, n) -> found(position(s, p, true));
            case "count" -> (p, n) -> count(range(s, p), text(p.get(0)));
            case "partition" -> (p, n) -> partition(s, text(p.get(0)), false);
            case "rpartition" -> (p, n) -> partition(s, text(p.get(0)), true);
            case "removeprefix" -> (p, n) -> s.startsWith(text(p.get(0))) ? s.substring(text(p.get(0)).length()) : s;
            case "removesuffix" -> (p, n) -> s.endsWith(text(p.get(0))) ? s.substring(0, s.length() - text(p.get(0)).length()) : s;
            case "isdigit" -> (p, n) -> !s.isEmpty() && s.codePoints().allMatch(Character::isDigit);
            case "isalpha" -> (p, n) -> !s.isEmpty() && s.codePoints().allMatch(Character::isLetter);
            case "isalnum" -> (p, n) -> !s.isEmpty() && s.codePoints().allMatch(Character::isLetterOrDigit);
            case "isspace" -> (p, n) -> !s.isEmpty() && s.codePoints().allMatch(Character::isWhitespace);
            case "isupper" -> (p, n) -> s.equals(s.toUpperCase(Locale.ROOT)) && !s.equals(s.toLowerCase(Locale.ROOT));
            case "islower" -> (p, n) -> s.equals(s.toLowerCase(Locale.ROOT)) && !s.equals(s.toUpperCase(Locale.ROOT));
            default -> null;
        };
    }

    private static Object argument(List<Object> positional, java.util.Map<String, Object> named, int index, String name) {
        return positional.size() > index ? positional.get(index) : named.get(name);
    }

    static String text(Object value) {
        if (value instanceof String s) {
            return s;
        }
        throw Values.error("expected a string, found " + Values.kind(value));
    }

    private static boolean any(Object argument, Function<String, Boolean> test) {
        if (argument instanceof List<?> list) {
            return list.stream().anyMatch(x -> test.apply(text(x)));
        }
        return test.apply(text(argument));
    }

    private static int start(String s, List<Object> arguments, int index, long absent) {
        long size = s.codePointCount(0, s.length());
        Object value = arguments.size() > index ? arguments.get(index) : null;
        long at = value == null ? absent : Values.integer(value);
        return (int) Math.max(0, Math.min(size, at < 0 ? at + size : at));
    }

    /** The part between the second and the third argument, as of find() and startswith(). */
    private static String range(String s, List<Object> arguments) {
        int from = start(s, arguments, 1, 0);
        int to = Math.max(from, start(s, arguments, 2, Integer.MAX_VALUE));
        int begin = s.offsetByCodePoints(0, from);
        return s.substring(begin, s.offsetByCodePoints(begin, to - from));
    }

    private static Long position(String s, List<Object> arguments, boolean last) {
        String part = range(s, arguments);
        String wanted = text(arguments.get(0));
        int index = last ? part.lastIndexOf(wanted) : part.indexOf(wanted);
        return index < 0 ? -1L : start(s, arguments, 1, 0) + (long) part.codePointCount(0, index);
    }

    private static Long found(long position) {
        if (position < 0) {
            throw Values.error("substring not found");
        }
        return position;
    }

    private static Tuple partition(String s, String separator, boolean last) {
        if (separator.isEmpty()) {
            throw Values.error("partition by an empty string");
        }
        int at = last ? s.lastIndexOf(separator) : s.indexOf(separator);
        if (at < 0) {
            return new Tuple(last ? List.of("", "", s) : List.of(s, "", ""));
        }
        return new Tuple(List.of(s.substring(0, at), separator, s.substring(at + separator.length())));
    }

    private static List<Object> lines(String s, boolean keepEnds) {
        List<Object> lines = new ArrayList<>();
        int begin = 0;
        for (int i = 0; i < s.length(); i++) {
            if ("\n\r\u000b\f\u001c\u001d\u001e\u0085\u2028\u2029".indexOf(s.charAt(i)) < 0) {
                continue;
            }
            int end = s.startsWith("\r\n", i) ? i + 2 : i + 1;
            lines.add(s.substring(begin, keepEnds ? end : i));
            begin = end;
            i = end - 1;
        }
        if (begin < s.length()) {
            lines.add(s.substring(begin));
        }
        return lines;
    }

    private static Long count(String s, String part) {
        if (part.isEmpty()) {
            return s.codePointCount(0, s.length()) + 1L;
        }
        long count = 0;
        for (int i = s.indexOf(part); i >= 0; i = s.indexOf(part, i + part.length())) {
            count++;
        }
        return count;
    }

    static String strip(String s, List<Object> arguments, boolean left, boolean right) {
        String characters = arguments.isEmpty() || arguments.get(0) == null ? null : text(arguments.get(0));
        int begin = 0;
        int end = s.length();
        while (left && begin < end && strips(s.codePointAt(begin), characters)) {
            begin += Character.charCount(s.codePointAt(begin));
        }
        while (right && end > begin && strips(s.codePointBefore(end), characters)) {
            end -= Character.charCount(s.codePointBefore(end));
        }
        return s.substring(begin, end);
    }

    private static boolean strips(int c, String characters) {
        return characters == null ? isSpace(c) : characters.indexOf(c) >= 0;
    }

    /** Python's whitespace: Unicode's, and the four separators of ASCII. */
    private static boolean isSpace(int c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
    }

    static String capitalize(String s) {
        if (s.isEmpty()) {
            return s;
        }
        int first = s.offsetByCodePoints(0, 1);
        return s.substring(0, first).toUpperCase(Locale.ROOT) + s.substring(first).toLowerCase(Locale.ROOT);
    }

    private static String title(String s) {
        StringBuilder out = new StringBuilder();
        boolean inside = false;
        for (int c : s.codePoints().toArray()) {
            out.appendCodePoint(inside ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inside = Character.isLetter(c);
        }
        return out.toString();
    }

    static String replace(String s, String from, String to, long count) {
        if (count < 0) {
            long size = s.length() + (long) count(s, from).intValue() * Math.max(0, to.length() - from.length());
            if (size > 20_000_000) {
                throw Values.error("a string of more than 20000000 characters");
            }
            return s.replace(from, to);
        }
        String rest = s;
        StringBuilder out = new StringBuilder();
        for (long i = 0; i < count; i++) {
            int at = rest.indexOf(from);
            if (at < 0 || (from.isEmpty() && rest.isEmpty())) {
                break;
            }
            int end = at + from.length();
            out.append(rest, 0, at).append(to);
            if (from.isEmpty()) {
                out.append(rest.charAt(0));
                end = 1;
            }
            rest = rest.substring(end);
        }
        return out.append(rest).toString();
    }

    private static List<Object> split(String s, Object separator, Object limit, boolean fromRight) {
        long most = limit == null ? -1 : Values.integer(limit);
        List<Object> parts = new ArrayList<>();
        if (separator == null) {
            return fromRight ? wordsFromRight(s, most) : words(s, most);
        }
        String by = text(separator);
        if (by.isEmpty()) {
            throw Values.error("split by an empty string");
        }
        int at = fromRight ? s.length() : 0;
        while (most < 0 || parts.size() < most) {
            int found = fromRight ? s.lastIndexOf(by, at - by.length()) : s.indexOf(by, at);
            if (found < 0) {
                break;
            }
            parts.add(fromRight ? s.substring(found + by.length(), at) : s.substring(at, found));
            at = fromRight ? found : found + by.length();
        }
        parts.add(fromRight ? s.substring(0, at) : s.substring(at));
        if (fromRight) {
            Collections.reverse(parts);
        }
        return parts;
    }

    private static List<Object> words(String s, long most) {
        List<Object> parts = new ArrayList<>();
        int at = 0;
        while (true) {
            while (at < s.length() && isSpace(s.charAt(at))) {
                at++;
            }
            if (at == s.length()) {
                return parts;
            }
            int begin = at;
            while (at < s.length() && (!isSpace(s.charAt(at)) || parts.size() == most)) {
                at++;
            }
            parts.add(s.substring(begin, at));
        }
    }

    private static List<Object> wordsFromRight(String s, long most) {
        List<Object> parts = new ArrayList<>();
        int at = s.length();
        while (true) {
            while (at > 0 && isSpace(s.charAt(at - 1))) {
                at--;
            }
            if (at == 0) {
                Collections.reverse(parts);
                return parts;
            }
            int end = at;
            while (at > 0 && (!isSpace(s.charAt(at - 1)) || parts.size() == most)) {
                at--;
            }
            parts.add(s.substring(at, end));
        }
    }

    /** The filter title: letters after a space or an opening bracket or a hyphen are large. */
    static String titleFilter(String s) {
        StringBuilder out = new StringBuilder();
        boolean inside = false;
        for (int c : s.codePoints().toArray()) {
            String letter = Character.toString(c);
            out.append(inside ? letter.toLowerCase(Locale.ROOT) : letter.toUpperCase(Locale.ROOT));
            inside = !isSpace(c) && "-({[<".indexOf(c) < 0;
        }
        return out.toString();
    }

    static String join(String separator, Object items) {
        StringBuilder out = new StringBuilder();
        String before = "";
        for (Object item : Values.iterate(items)) {
            String part = Values.text(item);
            Values.checkLength((long) out.length() + before.length() + part.length());
            out.append(before).append(part);
            before = separator;
        }
        return out.toString();
    }
}
