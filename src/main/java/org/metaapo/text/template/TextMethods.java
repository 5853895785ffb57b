package org.metaapo.text.template;

import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;

/** Methods of Python's {@code str}. */
final class TextMethods {
    static final Set<String> NAMES = Set.of(
            "capitalize", "center", "count", "endswith", "expandtabs", "find", "index", "isalnum", "isalpha",
            "isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "join", "ljust",
            "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust",
            "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper",
            "zfill");

    /** Unicode's Numeric_Type=Digit: first and last of each range. */
    private static final int[] OTHER_DIGITS = {
        0xb2, 0xb3, 0xb9, 0xb9, 0x1369, 0x1371, 0x19da, 0x19da, 0x2070, 0x2070, 0x2074, 0x2079,
        0x2080, 0x2089, 0x2460, 0x2468, 0x2474, 0x247c, 0x2488, 0x2490, 0x24ea, 0x24ea, 0x24f5, 0x24fd,
        0x24ff, 0x24ff, 0x2776, 0x277e, 0x2780, 0x2788, 0x278a, 0x2792, 0x10a40, 0x10a43, 0x10e60, 0x10e68,
        0x11052, 0x1105a, 0x1f100, 0x1f10a
    };

    /** Letters whose Unicode property Numeric_Type is Numeric. */
    private static final String IDEOGRAPHIC_NUMBERS = "㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹幺廾廿弌弍"
            + "弎弐拾捌柒漆玖百肆萬貮貳贰阡陆陌陸零參拾兩零六陸什𠀁𠁤𠃢𠄡𠤪𠦃𠦌𠦜𠫪𠫽𠬙𢎐𢦘𣬛𦉭"
            + "廾";

    private TextMethods() {}

    static Object call(String text, String name, Arguments arguments, Budget budget) {
        budget.text(text.length());
        return switch (name) {
            case "strip", "lstrip", "rstrip" -> strip(text, name, arguments);
            case "split", "rsplit" -> split(text, name, arguments, budget);
            case "splitlines" -> {
                boolean keep = Arguments.flag(arguments.bind(name, "keepends?")[0], false);
                budget.items(text.length());
                yield PyText.lines(text, keep);
            }
            case "startswith", "endswith" -> startsOrEnds(text, name, arguments);
            case "find", "rfind", "index", "rindex" -> find(text, name, arguments);
            case "count" -> count(text, arguments);
            case "replace" -> {
                Object[] given = arguments.bindPositional(name, "old", "new", "count?");
                yield PyText.replace(text, Arguments.text(given[0], "old"), Arguments.text(given[1], "new"),
                        Arguments.integer(given[2], -1, "count"), budget);
            }
            case "removeprefix" -> {
                String prefix = only(name, arguments);
                yield text.startsWith(prefix) ? text.substring(prefix.length()) : text;
            }
            case "removesuffix" -> {
                String suffix = only(name, arguments);
                yield text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
            }
            case "partition" -> partition(text, only(name, arguments), false);
            case "rpartition" -> partition(text, only(name, arguments), true);
            case "join" -> join(text, arguments.bindPositional(name, "iterable")[0], budget);
            case "center", "ljust", "rjust", "zfill" -> pad(text, name, arguments, budget);
            case "expandtabs" -> expandTabs(text, Arguments.integer(arguments.bind(name, "tabsize?")[0], 8, "tabsize"), budget);
            default -> {
                arguments.bindPositional(name);
                yield plain(text, name);
            }
        };
    }

    private static Object plain(String text, String name) {
        return switch (name) {
            case "capitalize" -> PyText.capitalize(text);
            case "lower" -> PyText.lower(text);
            case "upper" -> PyText.upper(text);
            case "title" -> PyText.title(text);
            case "swapcase" -> PyText.swapCase(text);
            case "isalnum" -> every(text, c -> Character.isLetter(c) || isNumeric(c));
            case "isalpha" -> every(text, Character::isLetter);
            case "isascii" -> text.chars().allMatch(c -> c < 128);
            case "isdecimal" -> every(text, Character::isDigit);
            case "isdigit" -> every(text, c -> Character.isDigit(c) || isOtherDigit(c));
            case "isnumeric" -> every(text, TextMethods::isNumeric);
            case "isspace" -> every(text, PyText::isSpace);
            case "islower" -> text.codePoints().anyMatch(Character::isLowerCase)
                    && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
            case "isupper" -> text.codePoints().anyMatch(Character::isUpperCase)
                    && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
            case "istitle" -> isTitle(text);
            default -> throw new IllegalStateException(name);
        };
    }

    private static boolean every(String text, IntPredicate predicate) {
        return !text.isEmpty() && text.codePoints().allMatch(predicate);
    }

    /** Digits that are no decimal digits: raised, lowered, circled and such. */
    private static boolean isOtherDigit(int c) {
        for (int i = 0; i < OTHER_DIGITS.length; i += 2) {
            if (c >= OTHER_DIGITS[i] && c <= OTHER_DIGITS[i + 1]) {
                return true;
            }
        }
        return false;
    }

    /** Whether every word, and there is one, begins with a large letter and goes on with small ones. */
    private static boolean isTitle(String text) {
        boolean inWord = false;
        boolean found = false;
        for (int c : text.codePoints().toArray()) {
            boolean large = Character.isUpperCase(c) || Character.isTitleCase(c);
            boolean small = Character.isLowerCase(c);
            if (large && inWord || small && !inWord) {
                return false;
            }
            inWord = large || small;
            found |= inWord;
        }
        return found;
    }

    private static boolean isNumeric(int c) {
        int type = Character.getType(c);
        return type == Character.DECIMAL_DIGIT_NUMBER || type == Character.LETTER_NUMBER || type == Character.OTHER_NUMBER
                || IDEOGRAPHIC_NUMBERS.indexOf(c) >= 0;
    }

    private static String only(String name, Arguments arguments) {
        return Arguments.text(arguments.bindPositional(name, "text")[0], "the argument of " + name + "()");
    }

    private static String strip(String text, String name, Arguments arguments) {
        Object given = arguments.bindPositional(name, "chars?")[0];
        String characters = given == Arguments.MISSING || given == null ? null : Arguments.text(given, "chars");
        return switch (name) {
            case "strip" -> PyText.strip(text, characters);
            case "lstrip" -> PyText.lstrip(text, characters);
            default -> PyText.rstrip(text, characters);
        };
    }

    private static Object split(String text, String name, Arguments arguments, Budget budget) {
        Object[] given = arguments.bind(name, "sep?", "maxsplit?");
        String separator = given[0] == Arguments.MISSING || given[0] == null ? null : Arguments.text(given[0], "sep");
        if (separator != null && separator.isEmpty()) {
            throw new TemplateFailure("empty separator");
        }
        budget.items(text.length());
        long limit = Arguments.integer(given[1], -1, "maxsplit");
        return name.equals("split") ? PyText.split(text, separator, limit) : PyText.splitFromEnd(text, separator, limit);
    }

    /** Cuts a text to the range {@code start, stop} of a method; null when it begins after the end. */
    private static String part(String text, Object start, Object stop) {
        long length = PyText.length(text);
        long first = Arguments.integer(start == null ? Arguments.MISSING : start, 0, "start");
        long from = Methods.clamp(first, length);
        long to = Methods.clamp(Arguments.integer(stop == null ? Arguments.MISSING : stop, length, "stop"), length);
        if (first > length || from > to) {
            return null;
        }
        int begin = text.offsetByCodePoints(0, (int) from);
        return text.substring(begin, text.offsetByCodePoints(begin, (int) (to - from)));
    }

    private static Object startsOrEnds(String text, String name, Arguments arguments) {
        Object[] given = arguments.bindPositional(name, "prefix", "start?", "stop?");
        String part = part(text, given[1], given[2]);
        List<Object> choices = given[0] instanceof Values.Tuple tuple ? tuple.items() : List.of(Arguments.text(given[0], "the argument of " + name + "()"));
        for (Object choice : choices) {
            String wanted = Arguments.text(choice, "the argument of " + name + "()");
            if (part != null && (name.equals("startswith") ? part.startsWith(wanted) : part.endsWith(wanted))) {
                return true;
            }
        }
        return false;
    }

    private static Object find(String text, String name, Arguments arguments) {
        Object[] given = arguments.bindPositional(name, "sub", "start?", "stop?");
        String wanted = Arguments.text(given[0], "sub");
        String part = part(text, given[1], given[2]);
        int found = part == null ? -1 : name.startsWith("r") ? part.lastIndexOf(wanted) : part.indexOf(wanted);
        if (found >= 0) {
            long offset = Methods.clamp(Arguments.integer(given[1] == null ? Arguments.MISSING : given[1], 0, "start"), PyText.length(text));
            return offset + part.codePointCount(0, found);
        }
        if (name.endsWith("index")) {
            throw new TemplateFailure("substring not found");
        }
        return -1L;
    }

    private static Object count(String text, Arguments arguments) {
        Object[] given = arguments.bindPositional("count", "sub", "start?", "stop?");
        String wanted = Arguments.text(given[0], "sub");
        String part = part(text, given[1], given[2]);
        if (part == null) {
            return 0L;
        }
        if (wanted.isEmpty()) {
            return (long) PyText.length(part) + 1;
        }
        long count = 0;
        for (int at = part.indexOf(wanted); at >= 0; at = part.indexOf(wanted, at + wanted.length())) {
            count++;
        }
        return count;
    }

    private static Object partition(String text, String separator, boolean last) {
        if (separator.isEmpty()) {
            throw new TemplateFailure("empty separator");
        }
        int at = last ? text.lastIndexOf(separator) : text.indexOf(separator);
        if (at < 0) {
            return new Values.Tuple(last ? List.of("", "", text) : List.of(text, "", ""));
        }
        return new Values.Tuple(List.of(text.substring(0, at), separator, text.substring(at + separator.length())));
    }

    private static String join(String separator, Object iterable, Budget budget) {
        StringBuilder out = new StringBuilder();
        boolean first = true;
        for (Object item : Types.items(iterable, budget)) {
            String part = Arguments.text(item, "an item of join()");
            budget.text((long) out.length() + part.length() + separator.length());
            out.append(first ? "" : separator).append(part);
            first = false;
        }
        return out.toString();
    }

    private static String pad(String text, String name, Arguments arguments, Budget budget) {
        boolean zeros = name.equals("zfill");
        Object[] given = zeros ? arguments.bindPositional(name, "width") : arguments.bindPositional(name, "width", "fill?");
        long width = Operations.toLong(given[0], "width");
        String fill = zeros ? "0" : given[1] == Arguments.MISSING ? " " : Arguments.text(given[1], "fill");
        if (PyText.length(fill) != 1) {
            throw new TemplateFailure("the fill character must be exactly one character long");
        }
        long missing = width - PyText.length(text);
        if (missing <= 0) {
            return text;
        }
        budget.text(2 * width);
        int left = (int) (name.equals("ljust") ? 0 : name.equals("center") ? missing / 2 + (missing & width & 1) : missing);
        if (zeros && !text.isEmpty() && (text.charAt(0) == '-' || text.charAt(0) == '+')) {
            return text.charAt(0) + fill.repeat(left) + text.substring(1);
        }
        return fill.repeat(left) + text + fill.repeat((int) missing - left);
    }

    private static String expandTabs(String text, long size, Budget budget) {
        StringBuilder out = new StringBuilder();
        long column = 0;
        for (Object each : PyText.characters(text)) {
            String c = (String) each;
            if (c.equals("\t")) {
                long spaces = size > 0 ? size - column % size : 0;
                budget.text(out.length() + spaces);
                out.append(" ".repeat((int) spaces));
                column += spaces;
            } else {
                out.append(c);
                column = c.equals("\n") || c.equals("\r") ? 0 : column + 1;
            }
        }
        return out.toString();
    }
}
