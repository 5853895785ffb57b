package org.metaapo.text.template;

import java.util.ArrayList;
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
            case "startswith" -> (p, n) -> any(p.get(0), s::startsWith);
            case "endswith" -> (p, n) -> any(p.get(0), s::endsWith);
            case "upper" -> (p, n) -> s.toUpperCase(Locale.ROOT);
            case "lower" -> (p, n) -> s.toLowerCase(Locale.ROOT);
            case "capitalize" -> (p, n) -> capitalize(s);
            case "title" -> (p, n) -> title(s);
            case "replace" -> (p, n) -> replace(s, text(p.get(0)), text(p.get(1)), p.size() > 2 ? Values.integer(p.get(2)) : -1);
            case "split" -> (p, n) -> split(s, argument(p, n, 0, "sep"), argument(p, n, 1, "maxsplit"), false);
            case "rsplit" -> (p, n) -> split(s, argument(p, n, 0, "sep"), argument(p, n, 1, "maxsplit"), true);
            case "splitlines" -> (p, n) -> new ArrayList<Object>(s.lines().toList());
            case "join" -> (p, n) -> join(s, p.get(0));
            case "find" -> (p, n) -> codePoints(s, s.indexOf(text(p.get(0))));
            case "rfind" -> (p, n) -> codePoints(s, s.lastIndexOf(text(p.get(0))));
            case "count" -> (p, n) -> count(s, text(p.get(0)));
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

    private static Long codePoints(String s, int index) {
        return index < 0 ? -1L : s.codePointCount(0, index);
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
            String rest = s.strip();
            while (!rest.isEmpty()) {
                int end = 0;
                while (end < rest.length() && !isSpace(rest.charAt(end))) {
                    end++;
                }
                if (most >= 0 && parts.size() == most) {
                    end = rest.length();
                }
                parts.add(rest.substring(0, end));
                rest = rest.substring(end).stripLeading();
            }
            return parts;
        }
        String by = text(separator);
        if (by.isEmpty()) {
            throw Values.error("split by an empty string");
        }
        String rest = s;
        for (int i = fromRight ? rest.lastIndexOf(by) : rest.indexOf(by);
                i >= 0 && (most < 0 || parts.size() < most);
                i = fromRight ? rest.lastIndexOf(by) : rest.indexOf(by)) {
            if (fromRight) {
                parts.add(0, rest.substring(i + by.length()));
                rest = rest.substring(0, i);
            } else {
                parts.add(rest.substring(0, i));
                rest = rest.substring(i + by.length());
            }
        }
        parts.add(fromRight ? 0 : parts.size(), rest);
        return parts;
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
