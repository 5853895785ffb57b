package org.metaapo.text.template;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's {@code format % values} for the conversions s, r, d, i, f, x and X. */
final class PercentFormat {
    private static final Pattern FIELD =
            Pattern.compile("%(?:\\(([^)]*)\\))?([-+ 0#]*)([0-9]*)(?:\\.([0-9]*))?(.?)", Pattern.DOTALL);

    private PercentFormat() {}

    static String format(String format, Object values, Budget budget) {
        List<Object> positional = values instanceof Values.Tuple tuple ? tuple.items() : java.util.Collections.singletonList(values);
        Matcher field = FIELD.matcher(format);
        StringBuilder out = new StringBuilder();
        int at = 0;
        int used = 0;
        boolean named = false;
        while (field.find(at)) {
            out.append(format, at, field.start());
            at = field.end();
            if (field.group(5).equals("%")) {
                out.append('%');
                continue;
            }
            Object value;
            if (field.group(1) != null) {
                if (!(values instanceof Map)) {
                    throw new TemplateFailure("format requires a mapping");
                }
                value = Types.dict(values).getOrDefault(field.group(1), Arguments.MISSING);
                if (value == Arguments.MISSING) {
                    throw new TemplateFailure("format names a key that is not there: " + Repr.of(field.group(1)));
                }
                named = true;
            } else if (used < positional.size()) {
                value = positional.get(used++);
            } else {
                throw new TemplateFailure("not enough arguments for format string");
            }
            out.append(one(field, value, budget));
            budget.text(out.length());
        }
        // Python counts neither dicts nor lists here.
        if (!named && used < positional.size() && !(values instanceof Map) && !(values instanceof List)) {
            throw new TemplateFailure("not all arguments converted during string formatting");
        }
        return out.append(format, at, format.length()).toString();
    }

    private static String one(Matcher field, Object value, Budget budget) {
        String flags = field.group(2);
        int precision = field.group(4) == null ? -1 : small(field.group(4));
        String text = switch (field.group(5)) {
            case "s" -> cut(Repr.string(value, budget), precision);
            case "r" -> cut(Repr.of(value, budget), precision);
            case "d", "i" -> signed(Long.toString(whole(value)), flags);
            case "x" -> signed(Long.toString(Operations.toLong(value, "a value formatted as hexadecimal"), 16), flags);
            case "X" -> signed(
                    Long.toString(Operations.toLong(value, "a value formatted as hexadecimal"), 16).toUpperCase(java.util.Locale.ROOT),
                    flags);
            case "f", "F" -> signed(fixed(value, precision < 0 ? 6 : precision), flags);
            default -> throw new TemplateFailure("unsupported format conversion '%" + field.group(5) + "'");
        };
        int missing = small(field.group(3)) - PyText.length(text);
        if (missing <= 0) {
            return text;
        }
        if (flags.contains("-")) {
            return text + " ".repeat(missing);
        }
        boolean zeros = flags.contains("0") && !"sr".contains(field.group(5));
        int sign = zeros && "+- ".indexOf(text.charAt(0)) >= 0 ? 1 : 0;
        return zeros
                ? text.substring(0, sign) + "0".repeat(missing) + text.substring(sign)
                : " ".repeat(missing) + text;
    }

    private static int small(String digits) {
        if (digits.length() > 4) {
            throw new TemplateFailure("unsupported width or precision " + digits + " in a format");
        }
        return digits.isEmpty() ? 0 : Integer.parseInt(digits);
    }

    private static String cut(String text, int precision) {
        return precision < 0 || PyText.length(text) <= precision ? text : text.substring(0, text.offsetByCodePoints(0, precision));
    }

    private static String signed(String digits, String flags) {
        return digits.startsWith("-") ? digits : (flags.contains("+") ? "+" : flags.contains(" ") ? " " : "") + digits;
    }

    private static long whole(Object value) {
        if (value instanceof Double number && Math.abs(number) < 0x1p63) {
            return number.longValue();
        }
        return Operations.toLong(value, "a value formatted as an integer");
    }

    /** Digits after the point, rounded half to even on the exact value, as C does. */
    static String fixed(Object value, int precision) {
        if (!Types.isNumber(value)) {
            throw new TemplateFailure("a value formatted as a float must be a number, found " + Types.name(value));
        }
        double number = Operations.toDouble(value);
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return Repr.number(number);
        }
        String text = new BigDecimal(number).setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
        return 1 / number < 0 && !text.startsWith("-") ? "-" + text : text;
    }
}
