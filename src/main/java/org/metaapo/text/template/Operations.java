package org.metaapo.text.template;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Operators of the language on values. */
final class Operations {
    private Operations() {}

    static double toDouble(Object number) {
        if (number instanceof Boolean flag) {
            return flag ? 1 : 0;
        }
        return ((Number) number).doubleValue();
    }

    private static Object integer(Object value) {
        return value instanceof Boolean flag ? Long.valueOf(flag ? 1 : 0) : value;
    }

    /** A whole number, from an integer or a boolean. */
    static long toLong(Object value, String what) {
        if (integer(value) instanceof Long number) {
            return number;
        }
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        throw new TemplateFailure(what + " must be an integer, found " + Types.name(value));
    }

    static Object binary(String operator, Object a, Object b, Budget budget) {
        if (a instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (operator.equals("%") && a instanceof String format) {
            return PercentFormat.format(format, b, budget);
        }
        if (b instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (a instanceof Values.Markup || b instanceof Values.Markup) {
            return marked(operator, a, b, budget);
        }
        if (Types.isNumber(a) && Types.isNumber(b)) {
            Object x = integer(a);
            Object y = integer(b);
            return x instanceof Long i && y instanceof Long j
                    ? integers(operator, i, j)
                    : floats(operator, toDouble(x), toDouble(y));
        }
        Object result = switch (operator) {
            case "+" -> joined(a, b, budget);
            case "*" -> repeated(a, b, budget);
            default -> null;
        };
        if (result == null) {
            throw unsupported(operator, a, b);
        }
        return result;
    }

    /** Operators on text marked as safe: other text is escaped before it is joined to it. */
    private static Object marked(String operator, Object a, Object b, Budget budget) {
        Object x = Values.plain(a);
        Object y = Values.plain(b);
        boolean texts = x instanceof String && y instanceof String;
        if (operator.equals("+") && texts) {
            String left = a instanceof Values.Markup markup ? markup.text() : Filters.escape((String) a);
            String right = b instanceof Values.Markup markup ? markup.text() : Filters.escape((String) b);
            return new Values.Markup((String) joined(left, right, budget));
        }
        if (operator.equals("%") && a instanceof Values.Markup) {
            throw new TemplateFailure("unsupported: % on text marked as safe");
        }
        Object result = binary(operator, x, y, budget);
        return operator.equals("*") ? new Values.Markup((String) result) : result;
    }

    private static TemplateFailure unsupported(String operator, Object a, Object b) {
        return new TemplateFailure("unsupported operand types for " + operator + ": '" + Types.name(a) + "' and '"
                + Types.name(b) + "'");
    }

    private static Object joined(Object a, Object b, Budget budget) {
        if (a instanceof String x && b instanceof String y) {
            budget.text((long) x.length() + y.length());
            return x + y;
        }
        boolean lists = isList(a) && isList(b);
        if (lists || (a instanceof Values.Tuple && b instanceof Values.Tuple)) {
            List<Object> x = Types.sized(a);
            List<Object> y = Types.sized(b);
            budget.items((long) x.size() + y.size());
            List<Object> all = new ArrayList<>(x);
            all.addAll(y);
            return lists ? all : new Values.Tuple(all);
        }
        return null;
    }

    private static boolean isList(Object value) {
        return value instanceof List && !(value instanceof Values.Range);
    }

    private static Object repeated(Object a, Object b, Budget budget) {
        if (integer(a) instanceof Long) {
            return integer(b) instanceof Long ? null : repeated(b, a, budget);
        }
        if (!(integer(b) instanceof Long count)) {
            return null;
        }
        long times = Math.max(0, count);
        if (a instanceof String text) {
            budget.text(bounded(text.length(), times));
            return text.repeat((int) (text.isEmpty() ? 0 : times));
        }
        if (isList(a) || a instanceof Values.Tuple) {
            List<Object> items = Types.sized(a);
            budget.items(bounded(items.size(), times));
            List<Object> all = new ArrayList<>();
            for (long i = 0; i < (items.isEmpty() ? 0 : times); i++) {
                all.addAll(items);
            }
            return a instanceof Values.Tuple ? new Values.Tuple(all) : all;
        }
        return null;
    }

    private static long bounded(long size, long times) {
        return size == 0 ? 0 : times > Integer.MAX_VALUE ? Long.MAX_VALUE : size * times;
    }

    private static Object integers(String operator, long a, long b) {
        try {
            return switch (operator) {
                case "+" -> Math.addExact(a, b);
                case "-" -> Math.subtractExact(a, b);
                case "*" -> Math.multiplyExact(a, b);
                case "/" -> quotient(a, nonZero(b));
                case "//" -> Math.floorDiv(a, nonZero(b));
                case "%" -> Math.floorMod(a, nonZero(b));
                default -> b < 0 ? (Object) power(a, b) : (Object) integerPower(a, b);
            };
        } catch (ArithmeticException overflow) {
            throw new TemplateFailure("unsupported: an integer of more than 64 bits");
        }
    }

    /** Correctly rounded, also where the operands are no exact floats. */
    private static double quotient(long a, long b) {
        return isExact(a) && isExact(b) ? (double) a / b : new BigDecimal(a).divide(new BigDecimal(b), MathContext.DECIMAL128).doubleValue();
    }

    private static boolean isExact(long number) {
        return number <= 1L << 53 && number >= -(1L << 53);
    }

    private static long nonZero(long divisor) {
        if (divisor == 0) {
            throw new TemplateFailure("division by zero");
        }
        return divisor;
    }

    private static long integerPower(long base, long exponent) {
        if (exponent > 63 && base != 0 && base != 1 && base != -1) {
            throw new ArithmeticException("overflow");
        }
        long result = 1;
        long times = base == -1 ? exponent & 1 : Math.min(exponent, 64);
        for (long i = 0; i < times; i++) {
            result = Math.multiplyExact(result, base);
        }
        return result;
    }

    private static double power(double a, double b) {
        if (a == 0 && b < 0) {
            throw new TemplateFailure("division by zero");
        }
        if (a < 0 && Double.isFinite(a) && Double.isFinite(b) && b != Math.rint(b)) {
            throw new TemplateFailure("unsupported: a complex number");
        }
        double power = a == 1 ? 1 : Math.pow(a, b);
        if (Double.isInfinite(power) && Double.isFinite(a) && Double.isFinite(b)) {
            throw new TemplateFailure("the power is too large for a float");
        }
        return power;
    }

    private static Object floats(String operator, double a, double b) {
        if (b == 0 && !operator.equals("+") && !operator.equals("-") && !operator.equals("*") && !operator.equals("**")) {
            throw new TemplateFailure("division by zero");
        }
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "/" -> a / b;
            case "//" -> floorQuotient(a, b);
            case "%" -> remainder(a, b);
            default -> power(a, b);
        };
    }

    /** Has the sign of the divisor, also when it is zero. */
    private static double remainder(double a, double b) {
        double rest = a % b;
        return rest == 0 ? Math.copySign(0, b) : (rest < 0) != (b < 0) ? rest + b : rest;
    }

    /** From the remainder, as Python does: the rounded quotient may lie beyond the next whole number. */
    private static double floorQuotient(double a, double b) {
        double rest = a % b;
        double quotient = (a - rest) / b;
        if (rest != 0 && (rest < 0) != (b < 0)) {
            quotient -= 1;
        }
        if (quotient == 0) {
            return Math.copySign(0, a / b);
        }
        double floor = Math.floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    static Object negated(Object value, boolean minus) {
        if (integer(value) instanceof Long number) {
            if (number == Long.MIN_VALUE) {
                throw new TemplateFailure("unsupported: an integer of more than 64 bits");
            }
            return minus ? -number : number;
        } else if (value instanceof Double number) {
            return minus ? -number : number;
        } else if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        throw new TemplateFailure("bad operand type for unary " + (minus ? "-" : "+") + ": '" + Types.name(value) + "'");
    }

    static boolean equal(Object left, Object right, Budget budget) {
        Object a = Values.plain(left);
        Object b = Values.plain(right);
        budget.step();
        if (Types.isNumber(a) && Types.isNumber(b)) {
            Object x = integer(a);
            Object y = integer(b);
            return x instanceof Long && y instanceof Long ? x.equals(y) : toDouble(x) == toDouble(y) && order(x, y) == 0;
        }
        if (a instanceof Map && b instanceof Map) {
            return equalDicts(Types.dict(a), Types.dict(b), budget);
        }
        boolean sequences = (isList(a) && isList(b))
                || (a instanceof Values.Tuple && b instanceof Values.Tuple)
                || (a instanceof Values.Range && b instanceof Values.Range);
        if (sequences) {
            return equalItems(Types.sized(a), Types.sized(b), budget);
        }
        if (a instanceof String x && b instanceof String y) {
            budget.text(Math.min(x.length(), y.length()));
            return x.equals(y);
        }
        return a == b || (a instanceof Undefined && b instanceof Undefined);
    }

    /** Of two numbers, exact for an integer beside a float. */
    private static int order(Object a, Object b) {
        double x = toDouble(a);
        double y = toDouble(b);
        if (x != y || !Double.isFinite(x)) {
            return x == y ? 0 : Double.compare(x, y);
        }
        return exact(a).compareTo(exact(b));
    }

    private static BigDecimal exact(Object number) {
        return integer(number) instanceof Long whole ? new BigDecimal(whole) : new BigDecimal(toDouble(number));
    }

    private static boolean equalItems(List<Object> a, List<Object> b, Budget budget) {
        if (a.size() != b.size()) {
            return false;
        }
        budget.enter();
        boolean same = true;
        for (int i = 0; same && i < a.size(); i++) {
            same = equal(a.get(i), b.get(i), budget);
        }
        budget.leave();
        return same;
    }

    private static boolean equalDicts(Map<Object, Object> a, Map<Object, Object> b, Budget budget) {
        if (a.size() != b.size()) {
            return false;
        }
        budget.enter();
        boolean same = true;
        for (Map.Entry<Object, Object> entry : a.entrySet()) {
            Object key = Types.storedKey(b, entry.getKey());
            same = same && b.containsKey(key) && equal(entry.getValue(), b.get(key), budget);
        }
        budget.leave();
        return same;
    }

    /** Negative, zero or positive; fails for values that have no order. */
    static int compare(Object left, Object right, String operator, Budget budget) {
        Object a = Values.plain(left);
        Object b = Values.plain(right);
        budget.step();
        if (a instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (b instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (Types.isNumber(a) && Types.isNumber(b)) {
            return integer(a) instanceof Long x && integer(b) instanceof Long y
                    ? Long.compare(x, y)
                    : order(a, b);
        }
        if (a instanceof String x && b instanceof String y) {
            budget.text(Math.min(x.length(), y.length()));
            return compareText(x, y);
        }
        if ((isList(a) && isList(b)) || (a instanceof Values.Tuple && b instanceof Values.Tuple)) {
            List<Object> x = Types.sized(a);
            List<Object> y = Types.sized(b);
            budget.enter();
            int order = 0;
            for (int i = 0; order == 0 && i < Math.min(x.size(), y.size()); i++) {
                order = equal(x.get(i), y.get(i), budget) ? 0 : compare(x.get(i), y.get(i), operator, budget);
            }
            budget.leave();
            return order != 0 ? order : Integer.compare(x.size(), y.size());
        }
        throw new TemplateFailure("'" + operator + "' not supported between '" + Types.name(a) + "' and '"
                + Types.name(b) + "'");
    }

    /** By code points: UTF-16 order differs above the basic plane. */
    private static int compareText(String a, String b) {
        int i = 0;
        while (i < a.length() && i < b.length() && a.charAt(i) == b.charAt(i)) {
            i++;
        }
        if (i == a.length() || i == b.length()) {
            return Integer.compare(a.length(), b.length());
        }
        boolean inPair = i > 0 && Character.isLowSurrogate(a.charAt(i)) && Character.isHighSurrogate(a.charAt(i - 1));
        return inPair ? Character.compare(a.charAt(i), b.charAt(i)) : Integer.compare(a.codePointAt(i), b.codePointAt(i));
    }

    /** {@code a <operator> b} for the comparison operators. */
    static boolean comparison(String operator, Object a, Object b, Budget budget) {
        return switch (operator) {
            case "==" -> equal(a, b, budget);
            case "!=" -> !equal(a, b, budget);
            case "in" -> contains(b, a, budget);
            case "notin" -> !contains(b, a, budget);
            default -> {
                boolean nan = (a instanceof Double x && x.isNaN()) || (b instanceof Double y && y.isNaN());
                int order = compare(a, b, operator, budget);
                yield !nan && switch (operator) {
                    case "<" -> order < 0;
                    case "<=" -> order <= 0;
                    case ">" -> order > 0;
                    default -> order >= 0;
                };
            }
        };
    }

    static boolean contains(Object container, Object item, Budget budget) {
        if (Values.plain(container) instanceof String text) {
            if (!(Values.plain(item) instanceof String part)) {
                throw new TemplateFailure("'in <string>' requires string as left operand, not " + Types.name(item));
            }
            budget.text(text.length());
            return text.contains(part);
        }
        if (container instanceof Map) {
            Map<Object, Object> map = Types.dict(container);
            return map.containsKey(Types.storedKey(map, Types.key(item)));
        }
        if (!Types.isIterable(container)) {
            throw new TemplateFailure("argument of type '" + Types.name(container) + "' is not iterable");
        }
        for (Object each : Types.items(container, budget)) {
            if (equal(each, item, budget)) {
                return true;
            }
        }
        return false;
    }
}
