package org.metaapo.text.template;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The filters that templates can use: registry, and those on single values. */
final class Filters {
    private static final Map<String, Filter> ALL = new HashMap<>();
    private static final Set<String> KEEP_MARK =
            Set.of("capitalize", "center", "indent", "lower", "reverse", "string", "trim", "upper");

    static {
        ALL.put("abs", (e, value, a) -> {
            a.bind("abs");
            return value instanceof Double number
                    ? (Object) Math.abs(number)
                    : Operations.negated(value, Operations.comparison("<", value, 0L, e.budget));
        });
        ALL.put("capitalize", text("capitalize", PyText::capitalize));
        ALL.put("center", (e, value, a) -> {
            Object width = a.bind("center", "width?")[0];
            Object columns = width == Arguments.MISSING ? 80L : width;
            return TextMethods.call(
                    string(e, value), "center", new Arguments(List.of(columns), Map.of()), e.budget);
        });
        ALL.put("default", Filters::fallback);
        ALL.put("d", Filters::fallback);
        ALL.put("e", (e, value, a) -> escaped(e, value, a));
        ALL.put("escape", (e, value, a) -> escaped(e, value, a));
        ALL.put("float", Filters::toFloat);
        ALL.put("format", Filters::format);
        ALL.put("indent", Filters::indent);
        ALL.put("int", Filters::toInt);
        ALL.put("lower", text("lower", PyText::lower));
        ALL.put("replace", (e, value, a) -> {
            Object[] given = a.bind("replace", "old", "new", "count?");
            long count = given[2] == Arguments.MISSING || given[2] == null ? -1 : Operations.toLong(given[2], "count");
            return PyText.replace(string(e, value), string(e, given[0]), string(e, given[1]), count, e.budget);
        });
        ALL.put("round", Filters::round);
        ALL.put("safe", (e, value, a) -> {
            a.bind("safe");
            return new Values.Markup(string(e, value));
        });
        ALL.put("string", text("string", text -> text));
        ALL.put("title", text("title", Filters::title));
        ALL.put("tojson", JsonText::of);
        ALL.put("trim", (e, value, a) -> {
            Object characters = a.bind("trim", "chars?")[0];
            boolean whitespace = characters == Arguments.MISSING || characters == null;
            return PyText.strip(string(e, value), whitespace ? null : Arguments.text(characters, "chars"));
        });
        ALL.put("upper", text("upper", PyText::upper));
        ALL.put("wordcount", (e, value, a) -> {
            a.bind("wordcount");
            return wordCount(string(e, value));
        });
        SequenceFilters.addTo(ALL);
    }

    private Filters() {}

    /** A filter on a value. */
    interface Filter {
        Object apply(Evaluation evaluation, Object value, Arguments arguments);
    }

    private interface TextFunction {
        String of(String text);
    }

    /** A filter by its name; fails with the names that exist. */
    static Filter named(String name) {
        Filter filter = ALL.get(name);
        if (filter == null) {
            throw new TemplateFailure("no filter \"" + name + "\" is supported (these are: " + String.join(", ", new TreeSet<>(ALL.keySet())) + ")");
        }
        return filter;
    }

    static boolean exists(Object name) {
        return name instanceof String && ALL.containsKey(name);
    }

    /** Applies a filter; of text marked as safe, those that change the text alone keep the mark. */
    static Object apply(String name, Filter filter, Evaluation evaluation, Object value, Arguments arguments) {
        if (!(value instanceof Values.Markup markup) || name.equals("e") || name.equals("escape")) {
            return filter.apply(evaluation, value, arguments);
        }
        if (name.equals("format")) {
            throw new TemplateFailure("unsupported: format of text marked as safe");
        }
        Object result = filter.apply(evaluation, markup.text(), arguments);
        boolean kept = KEEP_MARK.contains(name) || result == markup.text();
        return kept && result instanceof String text ? new Values.Markup(text) : result;
    }

    /** {@code str(value)}, charged for its length. */
    static String string(Evaluation evaluation, Object value) {
        String text = Repr.string(value, evaluation.budget);
        evaluation.budget.text(text.length());
        return text;
    }

    private static Filter text(String name, TextFunction function) {
        return (evaluation, value, arguments) -> {
            arguments.bind(name);
            return function.of(string(evaluation, value));
        };
    }

    private static Object fallback(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("default", "default_value?", "boolean?");
        boolean absent = value instanceof Undefined || (Arguments.flag(given[1], false) && !Types.truth(value));
        return !absent ? value : given[0] == Arguments.MISSING ? "" : given[0];
    }

    private static Object escaped(Evaluation evaluation, Object value, Arguments arguments) {
        arguments.bind("escape");
        return value instanceof Values.Markup ? value : new Values.Markup(escape(string(evaluation, value)));
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;").replace("\"", "&#34;");
    }

    /** Each word on its own: its first character large, the rest small. */
    private static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        int start = 0;
        for (int i = 0; i <= text.length(); i++) {
            if (i == text.length() || PyText.isSpace(text.charAt(i)) || "-({[<".indexOf(text.charAt(i)) >= 0) {
                String word = text.substring(start, i);
                if (!word.isEmpty()) {
                    int width = Character.charCount(word.codePointAt(0));
                    out.append(PyText.upper(word.substring(0, width))).append(PyText.lower(word.substring(width)));
                }
                if (i < text.length()) {
                    out.append(text.charAt(i));
                }
                start = i + 1;
            }
        }
        return out.toString();
    }

    private static long wordCount(String text) {
        long words = 0;
        boolean inWord = false;
        for (Object each : PyText.characters(text)) {
            int c = ((String) each).codePointAt(0);
            boolean part = c == '_' || Character.isLetterOrDigit(c) || Character.getType(c) == Character.OTHER_NUMBER
                    || Character.getType(c) == Character.LETTER_NUMBER;
            words += part && !inWord ? 1 : 0;
            inWord = part;
        }
        return words;
    }

    private static Object format(Evaluation evaluation, Object value, Arguments arguments) {
        if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
            throw new TemplateFailure("can't handle positional and keyword arguments at the same time");
        }
        Object values = arguments.named().isEmpty()
                ? new Values.Tuple(arguments.positional())
                : new HashMap<Object, Object>(arguments.named());
        return PercentFormat.format(string(evaluation, value), values, evaluation.budget);
    }

    private static Object indent(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("indent", "width?", "first?", "blank?");
        String indention = given[0] instanceof String text ? text : spaces(evaluation, given[0]);
        boolean first = Arguments.flag(given[1], false);
        boolean blank = Arguments.flag(given[2], false);
        String text = Arguments.text(value, "the text to indent");
        List<Object> lines = PyText.lines(text + "\n", false);
        StringBuilder out = new StringBuilder(first ? indention : "");
        for (int i = 0; i < lines.size(); i++) {
            String line = (String) lines.get(i);
            out.append(i == 0 ? "" : "\n");
            out.append(i > 0 && (blank || !line.isEmpty()) ? indention : "").append(line);
            evaluation.budget.text(out.length());
        }
        return out.toString();
    }

    private static String spaces(Evaluation evaluation, Object width) {
        long count = Math.max(0, Arguments.integer(width, 4, "width"));
        evaluation.budget.text(count);
        return " ".repeat((int) count);
    }

    private static Object toInt(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("int", "default?", "base?");
        Object fallback = given[0] == Arguments.MISSING ? Long.valueOf(0) : given[0];
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (value instanceof Double number) {
            return truncated(number, fallback);
        }
        if (value instanceof Long || value instanceof Boolean) {
            return Operations.toLong(value, "value");
        }
        if (!(value instanceof String text)) {
            return fallback;
        }
        try {
            return parsedInteger(PyText.asciiDigits(PyText.strip(text, null)), (int) Arguments.integer(given[1], 10, "base"));
        } catch (NumberFormatException notWhole) {
            Double number = parsedFloat(text);
            return number == null ? fallback : truncated(number, fallback);
        }
    }

    private static Object truncated(double number, Object fallback) {
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return fallback;
        }
        if (Math.abs(number) >= 0x1p63) {
            throw new TemplateFailure("unsupported: an integer of more than 64 bits");
        }
        return (long) number;
    }

    private static Object parsedInteger(String text, int base) {
        boolean minus = text.startsWith("-");
        String digits = minus || text.startsWith("+") ? text.substring(1) : text;
        String prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : null;
        if (prefix != null && digits.regionMatches(true, 0, prefix, 0, 2)) {
            digits = digits.substring(2);
        }
        if (!digits.matches("[0-9A-Za-z]+(_[0-9A-Za-z]+)*")) {
            throw new NumberFormatException(text);
        }
        return Long.parseLong((minus ? "-" : "") + digits.replace("_", ""), base);
    }

    private static Object toFloat(Evaluation evaluation, Object value, Arguments arguments) {
        Object given = arguments.bind("float", "default?")[0];
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (Types.isNumber(value)) {
            return Operations.toDouble(value);
        }
        Double number = value instanceof String text ? parsedFloat(text) : null;
        return number != null ? number : given == Arguments.MISSING ? Double.valueOf(0) : given;
    }

    private static Double parsedFloat(String text) {
        String trimmed = PyText.lower(PyText.asciiDigits(PyText.strip(text, null)));
        String unsigned = trimmed.startsWith("-") || trimmed.startsWith("+") ? trimmed.substring(1) : trimmed;
        double sign = trimmed.startsWith("-") ? -1 : 1;
        if (unsigned.equals("inf") || unsigned.equals("infinity")) {
            return sign * Double.POSITIVE_INFINITY;
        }
        if (unsigned.equals("nan")) {
            return Double.NaN;
        }
        boolean number = unsigned.matches("(?:\\d+(?:_\\d+)*\\.?(?:\\d+(?:_\\d+)*)?|\\.\\d+(?:_\\d+)*)(?:e[+-]?\\d+(?:_\\d+)*)?");
        return number ? (Double) (sign * Double.parseDouble(unsigned.replace("_", ""))) : null;
    }

    private static Object round(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("round", "precision?", "method?");
        int precision = (int) Math.max(-400, Math.min(400, Arguments.integer(given[0], 0, "precision")));
        String method = given[1] == Arguments.MISSING ? "common" : Arguments.text(given[1], "method");
        if (!List.of("common", "ceil", "floor").contains(method)) {
            throw new TemplateFailure("method must be common, ceil or floor");
        }
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (!Types.isNumber(value)) {
            throw new TemplateFailure("round needs a number, found " + Types.name(value));
        }
        double number = Operations.toDouble(value);
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return number;
        }
        if (method.equals("common")) {
            BigDecimal exact = value instanceof Double ? new BigDecimal(number) : BigDecimal.valueOf(Operations.toLong(value, "value"));
            BigDecimal rounded = exact.setScale(precision, RoundingMode.HALF_EVEN);
            return value instanceof Double ? (Object) signed(rounded.doubleValue(), number) : (Object) rounded.longValue();
        }
        double power = Math.pow(10, precision);
        double scaled = number * power;
        return (method.equals("ceil") ? Math.ceil(scaled) : Math.floor(scaled)) / power + 0.0;
    }

    private static double signed(double rounded, double original) {
        return rounded == 0 ? Math.copySign(0, original) : rounded;
    }

    /** A list as something that can be walked through once. */
    static Values.Generated generated(List<Object> items) {
        return new Values.Generated(Collections.unmodifiableList(new ArrayList<>(items)).iterator());
    }
}
