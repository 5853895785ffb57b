package org.metaapo.text.template;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Python's view of values: truth, text, equality, order, arithmetic. */
final class Values {
    private static final int LARGEST_STRING = 20_000_000;
    private static final long LARGEST_COMPARISON = 1_000_000;

    private Values() {}

    static TemplateError error(String message) {
        return new TemplateError(message, 0, 0);
    }

    static boolean truth(Object value) {
        if (value == null || value instanceof Undefined) {
            return false;
        }
        if (value instanceof Boolean b) {
            return b;
        }
        if (value instanceof Long n) {
            return n != 0;
        }
        if (value instanceof Double d) {
            return d != 0;
        }
        if (value instanceof String s) {
            return !s.isEmpty();
        }
        if (value instanceof List<?> list) {
            return !list.isEmpty();
        }
        return !(value instanceof Map<?, ?> map) || !map.isEmpty();
    }

    /** str(value). */
    static String text(Object value) {
        if (value instanceof String s) {
            return s;
        }
        return value instanceof Undefined ? "" : repr(value);
    }

    /** repr(value). */
    static String repr(Object value) {
        StringBuilder out = new StringBuilder();
        repr(value, out);
        return out.toString();
    }

    private static void repr(Object value, StringBuilder out) {
        // A list that holds another twice, over and over, is small in memory and endless as text.
        checkLength(out.length());
        if (value == null) {
            out.append("None");
        } else if (value instanceof Boolean b) {
            out.append(b ? "True" : "False");
        } else if (value instanceof Double d) {
            out.append(number(d));
        } else if (value instanceof String s) {
            out.append(quoted(s));
        } else if (value instanceof List<?> list) {
            boolean tuple = value instanceof Tuple;
            out.append(tuple ? '(' : '[');
            for (int i = 0; i < list.size(); i++) {
                out.append(i == 0 ? "" : ", ");
                repr(list.get(i), out);
            }
            out.append(!tuple ? "]" : list.size() == 1 ? ",)" : ")");
        } else if (value instanceof Map<?, ?> map) {
            out.append('{');
            String separator = "";
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                out.append(separator);
                repr(entry.getKey(), out);
                out.append(": ");
                repr(entry.getValue(), out);
                separator = ", ";
            }
            out.append('}');
        } else {
            out.append(value instanceof Long ? value.toString() : value instanceof Undefined ? "Undefined" : "<object>");
        }
    }

    /** repr of a float: shortest digits, an exponent below 1e-4 and from 1e16 on. */
    static String number(double d) {
        if (Double.isNaN(d)) {
            return "nan";
        }
        if (Double.isInfinite(d)) {
            return d > 0 ? "inf" : "-inf";
        }
        if (d == 0) {
            return 1 / d < 0 ? "-0.0" : "0.0";
        }
        double size = Math.abs(d);
        BigDecimal exact = new BigDecimal(Double.toString(d)).stripTrailingZeros();
        if (size >= 1e-4 && size < 1e16) {
            String plain = exact.toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }
        String digits = exact.unscaledValue().abs().toString();
        int exponent = digits.length() - 1 - exact.scale();
        String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
        String size2 = Math.abs(exponent) < 10 ? "0" + Math.abs(exponent) : Integer.toString(Math.abs(exponent));
        return (d < 0 ? "-" : "") + mantissa + "e" + (exponent < 0 ? "-" : "+") + size2;
    }

    private static String quoted(String s) {
        char quote = s.contains("'") && !s.contains("\"") ? '"' : '\'';
        StringBuilder out = new StringBuilder().append(quote);
        s.codePoints().forEach(c -> {
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\\' -> out.append("\\\\");
                default -> {
                    if (c == quote) {
                        out.append('\\').append(quote);
                    } else if (!isPrintable(c)) {
                        out.append(String.format(c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
                    } else {
                        out.appendCodePoint(c);
                    }
                }
            }
        });
        return out.append(quote).toString();
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
                    Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }

    static boolean isNumber(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    static double real(Object value) {
        if (value instanceof Boolean b) {
            return b ? 1 : 0;
        }
        return ((Number) value).doubleValue();
    }

    static long integer(Object value) {
        if (value instanceof Boolean b) {
            return b ? 1 : 0;
        }
        if (value instanceof Long n) {
            return n;
        }
        throw error("expected an integer, found " + kind(value));
    }

    static boolean equal(Object a, Object b) {
        return equal(a, b, new long[] {LARGEST_COMPARISON});
    }

    private static boolean equal(Object a, Object b, long[] left) {
        if (left[0]-- == 0) {
            throw error("a comparison of more than " + LARGEST_COMPARISON + " values");
        }
        if (isNumber(a) && isNumber(b)) {
            return a instanceof Double || b instanceof Double ? real(a) == real(b) : integer(a) == integer(b);
        }
        if (a instanceof Undefined || b instanceof Undefined) {
            return a instanceof Undefined && b instanceof Undefined;
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            boolean same = x.size() == y.size() && a instanceof Tuple == b instanceof Tuple;
            for (int i = 0; same && i < x.size(); i++) {
                same = equal(x.get(i), y.get(i), left);
            }
            return same;
        }
        if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
            boolean same = a instanceof Namespace || b instanceof Namespace ? a == b : x.size() == y.size();
            for (Map.Entry<?, ?> entry : x.entrySet()) {
                same = same && y.containsKey(entry.getKey()) && equal(entry.getValue(), y.get(entry.getKey()), left);
            }
            return same;
        }
        return a == null ? b == null : !(a instanceof List) && !(a instanceof Map) && a.equals(b);
    }

    static int compare(Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            return a instanceof Double || b instanceof Double
                    ? Double.compare(real(a), real(b))
                    : Long.compare(integer(a), integer(b));
        }
        if (a instanceof String x && b instanceof String y) {
            return compareCodePoints(x, y);
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
                if (!equal(x.get(i), y.get(i))) {
                    return compare(x.get(i), y.get(i));
                }
            }
            return Integer.compare(x.size(), y.size());
        }
        throw error("cannot compare " + kind(a) + " with " + kind(b));
    }

    private static int compareCodePoints(String a, String b) {
        int[] x = a.codePoints().toArray();
        int[] y = b.codePoints().toArray();
        return java.util.Arrays.compare(x, y);
    }

    static boolean contains(Object container, Object item) {
        if (container instanceof String s) {
            if (item instanceof String part) {
                return s.contains(part);
            }
            throw error("\"in <string>\" needs a string on its left, found " + kind(item));
        }
        if (container instanceof List<?> list) {
            return list.stream().anyMatch(x -> equal(x, item));
        }
        if (container instanceof Map<?, ?> map) {
            return map.containsKey(item);
        }
        if (container instanceof Undefined) {
            return false;
        }
        throw error(kind(container) + " cannot be searched with \"in\"");
    }

    /** The items of a for loop or a filter over a sequence. */
    static List<Object> iterate(Object value) {
        if (value instanceof List<?> list) {
            return new ArrayList<>(list);
        }
        if (value instanceof Map<?, ?> map) {
            return new ArrayList<>(map.keySet());
        }
        if (value instanceof String s) {
            List<Object> characters = new ArrayList<>();
            s.codePoints().forEach(c -> characters.add(Character.toString(c)));
            return characters;
        }
        if (value instanceof Undefined) {
            return new ArrayList<>();
        }
        throw error(kind(value) + " is not iterable");
    }

    static long length(Object value) {
        if (value instanceof String s) {
            return s.codePointCount(0, s.length());
        }
        if (value instanceof List<?> list) {
            return list.size();
        }
        if (value instanceof Map<?, ?> map) {
            return map.size();
        }
        if (value instanceof Undefined) {
            return 0;
        }
        throw error(kind(value) + " has no length");
    }

    static Object add(Object a, Object b) {
        if (a instanceof String x && b instanceof String y) {
            return limited(x + y);
        }
        if (a instanceof List<?> x && b instanceof List<?> y && a instanceof Tuple == b instanceof Tuple) {
            List<Object> all = a instanceof Tuple ? new Tuple(x) : new ArrayList<>(x);
            all.addAll(y);
            if (all.size() > 1_000_000) {
                throw error("a list of more than 1,000,000 items");
            }
            return all;
        }
        return arithmetic("+", a, b);
    }

    static String limited(String s) {
        checkLength(s.length());
        return s;
    }

    /** Refuses a text of this many characters if it is too long. */
    static void checkLength(long length) {
        if (length > LARGEST_STRING) {
            throw error("a string of more than " + LARGEST_STRING + " characters");
        }
    }

    /** That many spaces. */
    static String spaces(Object width) {
        long count = Math.max(0, integer(width));
        checkLength(count);
        return " ".repeat((int) count);
    }

    static Object arithmetic(String operator, Object a, Object b) {
        if (operator.equals("*") && (a instanceof String || b instanceof String)) {
            String s = a instanceof String x ? x : (String) b;
            long count = Math.max(0, integer(a instanceof String ? b : a));
            if (s.isEmpty()) {
                return s;
            }
            checkLength(count > LARGEST_STRING ? count : count * s.length());
            return s.repeat((int) count);
        }
        if (!isNumber(a) || !isNumber(b)) {
            throw error("unsupported operands for " + operator + ": " + kind(a) + " and " + kind(b));
        }
        boolean real = a instanceof Double || b instanceof Double;
        try {
            return switch (operator) {
                case "+" -> real ? (Object) (real(a) + real(b)) : (Object) Math.addExact(integer(a), integer(b));
                case "-" -> real ? (Object) (real(a) - real(b)) : (Object) Math.subtractExact(integer(a), integer(b));
                case "*" -> real ? (Object) (real(a) * real(b)) : (Object) Math.multiplyExact(integer(a), integer(b));
                case "/" -> divide(real(a), real(b));
                case "//" -> real ? (Object) Math.floor(divide(real(a), real(b))) : (Object) Math.floorDiv(integer(a), integer(b));
                case "%" -> real ? (Object) modulo(real(a), real(b)) : (Object) Math.floorMod(integer(a), integer(b));
                default -> power(a, b, real);
            };
        } catch (ArithmeticException e) {
            throw error(operator + ": " + (e.getMessage() == null ? "overflow" : e.getMessage()));
        }
    }

    private static double divide(double a, double b) {
        if (b == 0) {
            throw new ArithmeticException("division by zero");
        }
        return a / b;
    }

    private static double modulo(double a, double b) {
        return a - b * Math.floor(divide(a, b));
    }

    private static Object power(Object a, Object b, boolean real) {
        if (real || integer(b) < 0) {
            return Math.pow(real(a), real(b));
        }
        if (integer(b) > 64) {
            throw new ArithmeticException("overflow");
        }
        long result = 1;
        for (long i = 0; i < integer(b); i++) {
            result = Math.multiplyExact(result, integer(a));
        }
        return result;
    }

    /** value[start:stop:step] of a string or a list. */
    static Object slice(Object value, Object start, Object stop, Object step) {
        if (value instanceof Map) {
            throw error("a mapping cannot be sliced");
        }
        List<Object> items = iterate(value);
        long size = items.size();
        long by = step == null ? 1 : integer(step);
        if (by == 0) {
            throw error("slice step is 0");
        }
        long from = start == null ? (by > 0 ? 0 : size - 1) : bound(integer(start), size, by);
        long to = stop == null ? (by > 0 ? size : -1) : bound(integer(stop), size, by);
        List<Object> out = new ArrayList<>();
        // A step beyond the size takes one item at most; the cap keeps the sum from overflowing.
        by = Math.max(-size - 1, Math.min(size + 1, by));
        for (long i = from; by > 0 ? i < to : i > to; i += by) {
            out.add(items.get((int) i));
        }
        if (!(value instanceof String)) {
            return value instanceof Tuple ? new Tuple(out) : out;
        }
        StringBuilder text = new StringBuilder();
        out.forEach(c -> text.append((String) c));
        return text.toString();
    }

    private static long bound(long index, long size, long step) {
        long i = index < 0 ? index + size : index;
        return step > 0 ? Math.max(0, Math.min(size, i)) : Math.max(-1, Math.min(size - 1, i));
    }

    /** What a value is, for messages. */
    static String kind(Object value) {
        if (value == null) {
            return "None";
        }
        if (value instanceof Undefined u) {
            return "undefined \"" + u.name() + "\"";
        }
        return value instanceof Boolean ? "a boolean"
                : value instanceof Long ? "an integer"
                : value instanceof Double ? "a float"
                : value instanceof String ? "a string"
                : value instanceof List ? "a list"
                : value instanceof Map ? "a mapping" : "a function";
    }
}
