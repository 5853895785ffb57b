package org.metaapo.text.template;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;

/** {@code str()} and {@code repr()} of values, as Python writes them. */
final class Repr {
    private final StringBuilder out = new StringBuilder();
    private final Budget budget;

    private Repr(Budget budget) {
        this.budget = budget;
    }

    /** {@code repr()} of a text. */
    static String of(String text) {
        StringBuilder out = new StringBuilder();
        quote(out, text);
        return out.toString();
    }

    /** {@code repr()} for messages, cut short. */
    static String of(Object value) {
        String text = of(value, new Budget(new TemplateLimits(10_000, 1 << 16, 8)));
        return text.length() > 60 ? text.substring(0, 59) + "…" : text;
    }

    static String of(Object value, Budget budget) {
        Repr repr = new Repr(budget);
        repr.write(value);
        return repr.out.toString();
    }

    /** {@code str()}. */
    static String string(Object value, Budget budget) {
        if (value instanceof Undefined) {
            return "";
        }
        return Values.plain(value) instanceof String text ? text : of(value, budget);
    }

    private void write(Object value) {
        budget.enter();
        budget.step();
        budget.checkLength(out.length());
        if (value == null) {
            out.append("None");
        } else if (value instanceof Undefined) {
            out.append("Undefined");
        } else if (value instanceof String text) {
            budget.text(text.length());
            quote(out, text);
        } else if (value instanceof Boolean flag) {
            out.append(flag ? "True" : "False");
        } else if (value instanceof Double number) {
            out.append(number(number));
        } else if (value instanceof Long) {
            out.append(value);
        } else if (value instanceof Values.Range range) {
            out.append("range(").append(range.start).append(", ").append(range.stop);
            out.append(range.step == 1 ? "" : ", " + range.step).append(')');
        } else if (value instanceof List) {
            items("[", Types.sized(value), "]");
        } else if (value instanceof Values.Tuple tuple) {
            items("(", tuple.items(), tuple.items().size() == 1 ? ",)" : ")");
        } else if (value instanceof Map) {
            dict(Types.dict(value));
        } else if (value instanceof Values.DictView view) {
            items("dict_" + view.kind() + "([", view.items(), "])");
        } else if (value instanceof Values.Namespace namespace) {
            out.append("<Namespace ");
            dict(namespace.attributes);
            out.append('>');
        } else if (value instanceof Values.Markup markup) {
            out.append("Markup(");
            write(markup.text());
            out.append(')');
        } else if (value instanceof Macro macro) {
            out.append("<Macro ").append(of(macro.name())).append('>');
        } else if (value instanceof Loop loop) {
            out.append("<LoopContext ").append(loop.index()).append('/').append(loop.length()).append('>');
        } else {
            throw new TemplateFailure("a " + Types.name(value) + " cannot be written as text (use 'list' or call it)");
        }
        budget.leave();
    }

    private void items(String open, List<Object> items, String close) {
        out.append(open);
        String separator = "";
        for (Object item : items) {
            out.append(separator);
            write(item);
            separator = ", ";
        }
        out.append(close);
    }

    private void dict(Map<Object, Object> map) {
        out.append('{');
        String separator = "";
        for (Map.Entry<Object, Object> entry : map.entrySet()) {
            out.append(separator);
            write(entry.getKey());
            out.append(": ");
            write(entry.getValue());
            separator = ", ";
        }
        out.append('}');
    }

    private static void quote(StringBuilder out, String text) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        text.codePoints().forEach(c -> {
            if (c == quote || c == '\\') {
                out.append('\\').append((char) c);
            } else {
                escape(out, c);
            }
        });
        out.append(quote);
    }

    private static void escape(StringBuilder out, int c) {
        if (c == '\n') {
            out.append("\\n");
        } else if (c == '\r') {
            out.append("\\r");
        } else if (c == '\t') {
            out.append("\\t");
        } else if (isPrintable(c)) {
            out.appendCodePoint(c);
        } else {
            out.append(String.format(c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
        }
    }

    /** A text for a message: cut short, and without line breaks or control characters. */
    static String oneLine(String text, int longest) {
        StringBuilder out = new StringBuilder();
        text.substring(0, Math.min(text.length(), longest)).codePoints().forEach(c -> escape(out, c));
        return text.length() > longest ? out.append('…').toString() : out.toString();
    }

    static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
                    Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }

    /** The shortest decimal that reads back as the same float, in Python's layout. */
    static String number(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        }
        String sign = value < 0 || (value == 0 && 1 / value < 0) ? "-" : "";
        if (value == 0) {
            return sign + "0.0";
        }
        BigDecimal exact = new BigDecimal(Math.abs(value));
        BigDecimal shortest = exact;
        for (int precision = 1; precision <= 17; precision++) {
            shortest = exact.round(new MathContext(precision, RoundingMode.HALF_EVEN));
            if (shortest.doubleValue() == Math.abs(value)) {
                break;
            }
        }
        String digits = shortest.unscaledValue().toString().replaceAll("0+$", "");
        // Position of the decimal point: the value is 0.digits times ten to this power.
        int point = shortest.precision() - shortest.scale();
        if (point > 16 || point < -3) {
            String fraction = digits.length() == 1 ? "" : "." + digits.substring(1);
            int exponent = point - 1;
            return sign + digits.charAt(0) + fraction + "e" + (exponent < 0 ? "-" : "+") + (Math.abs(exponent) < 10 ? "0" : "")
                    + Math.abs(exponent);
        }
        if (point <= 0) {
            return sign + "0." + "0".repeat(-point) + digits;
        }
        return digits.length() <= point
                ? sign + digits + "0".repeat(point - digits.length()) + ".0"
                : sign + digits.substring(0, point) + "." + digits.substring(point);
    }
}
