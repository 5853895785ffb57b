package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Filters behind a bar. */
final class Filters {
    /** A function of a value. */
    interface Filter {
        Object apply(Object value, Arguments arguments);
    }

    /** A filter's arguments. */
    record Arguments(List<Object> positional, Map<String, Object> named) {
        Object get(int index, String name, Object otherwise) {
            return positional.size() > index ? positional.get(index) : named.getOrDefault(name, otherwise);
        }
    }

    private Filters() {}

    static Filter find(String name) {
        return switch (name) {
            case "tojson" -> Filters::tojson;
            case "trim" -> (v, a) -> StringMethods.strip(Values.text(v), a.positional(), true, true);
            case "length", "count" -> (v, a) -> Values.length(v);
            case "string" -> (v, a) -> Values.text(v);
            case "safe", "e", "escape" -> name.equals("safe") ? (v, a) -> v : (v, a) -> escape(Values.text(v));
            case "items" -> (v, a) -> v instanceof Undefined ? new ArrayList<>() : Members.pairs(mapping(v));
            case "default", "d" -> (v, a) -> v instanceof Undefined
                            || (Values.truth(a.get(1, "boolean", false)) && !Values.truth(v))
                    ? a.get(0, "default_value", "") : v;
            case "list" -> (v, a) -> Values.iterate(v);
            case "join" -> Filters::join;
            case "first" -> (v, a) -> edge(v, true);
            case "last" -> (v, a) -> edge(v, false);
            case "lower" -> (v, a) -> Values.text(v).toLowerCase(Locale.ROOT);
            case "upper" -> (v, a) -> Values.text(v).toUpperCase(Locale.ROOT);
            case "capitalize" -> (v, a) -> StringMethods.capitalize(Values.text(v));
            case "title" -> (v, a) -> StringMethods.titleFilter(Values.text(v));
            case "replace" -> (v, a) -> StringMethods.replace(Values.text(v), Values.text(a.get(0, "old", "")),
                    Values.text(a.get(1, "new", "")), a.get(2, "count", null) == null ? -1 : Values.integer(a.get(2, "count", null)));
            case "map" -> Filters::map;
            case "select" -> (v, a) -> choose(v, a, false, true);
            case "reject" -> (v, a) -> choose(v, a, false, false);
            case "selectattr" -> (v, a) -> choose(v, a, true, true);
            case "rejectattr" -> (v, a) -> choose(v, a, true, false);
            case "dictsort" -> Filters::dictsort;
            case "sort" -> Filters::sort;
            case "reverse" -> (v, a) -> reverse(v);
            case "unique" -> (v, a) -> unique(Values.iterate(v));
            case "sum" -> Filters::sum;
            case "min" -> (v, a) -> extreme(v, a, false);
            case "max" -> (v, a) -> extreme(v, a, true);
            case "abs" -> (v, a) -> v instanceof Double d ? (Object) Math.abs(d) : (Object) Math.abs(Values.integer(v));
            case "int" -> Filters::integer;
            case "float" -> Filters::real;
            case "indent" -> Filters::indent;
            default -> null;
        };
    }

    private static Map<?, ?> mapping(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map;
        }
        throw Values.error("expected a mapping, found " + Values.kind(value));
    }

    private static Object tojson(Object value, Arguments a) {
        Object indent = a.named().get("indent") != null ? a.named().get("indent") : a.get(1, "indent", null);
        Object ascii = a.get(0, "ensure_ascii", false);
        String unit = indent == null ? null : indent instanceof String s ? s : Values.spaces(indent);
        String item = unit == null ? ", " : ",";
        String key = ": ";
        if (a.get(2, "separators", null) instanceof List<?> separators && separators.size() == 2) {
            item = Values.text(separators.get(0));
            key = Values.text(separators.get(1));
        }
        return new JsonText(Values.truth(ascii), unit, item, key, Values.truth(a.get(3, "sort_keys", false))).write(value);
    }

    private static String escape(String s) {
        return s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;").replace("\"", "&#34;");
    }

    private static Object sum(Object value, Arguments a) {
        Object attribute = a.get(0, "attribute", null);
        Object total = a.get(1, "start", 0L);
        for (Object item : Values.iterate(value)) {
            total = Values.add(total, attribute == null ? item : path(item, attribute));
        }
        return total;
    }

    private static Object extreme(Object value, Arguments a, boolean largest) {
        Object attribute = a.get(1, "attribute", null);
        Comparator<Object> order = order(Values.truth(a.get(0, "case_sensitive", false)),
                item -> attribute == null ? item : path(item, attribute), largest);
        // The first of equals, as Python takes it.
        return Values.iterate(value).stream().reduce((x, y) -> order.compare(y, x) < 0 ? y : x)
                .orElse(new Undefined(largest ? "max" : "min"));
    }

    private static Object join(Object value, Arguments a) {
        Object attribute = a.get(1, "attribute", null);
        List<Object> items = Values.iterate(value);
        if (attribute != null) {
            items.replaceAll(item -> path(item, attribute));
        }
        return StringMethods.join(Values.text(a.get(0, "d", "")), items);
    }

    private static Object edge(Object value, boolean first) {
        List<Object> items = Values.iterate(value);
        return items.isEmpty() ? new Undefined(first ? "first" : "last") : items.get(first ? 0 : items.size() - 1);
    }

    /** An attribute path such as "a.b". */
    private static Object path(Object value, Object path) {
        Object result = value;
        for (String name : Values.text(path).split("\\.")) {
            result = Members.item(result, name.matches("\\d+") ? (Object) Long.parseLong(name) : name);
        }
        return result;
    }

    private static Object map(Object value, Arguments a) {
        List<Object> items = Values.iterate(value);
        if (a.named().containsKey("attribute")) {
            items.replaceAll(item -> {
                Object found = path(item, a.named().get("attribute"));
                return found instanceof Undefined && a.named().containsKey("default") ? a.named().get("default") : found;
            });
            return items;
        }
        String name = Values.text(a.get(0, "filter", ""));
        Filter filter = find(name);
        if (filter == null) {
            throw Values.error("no filter \"" + name + "\" is supported");
        }
        Arguments rest = new Arguments(a.positional().subList(1, a.positional().size()), a.named());
        items.replaceAll(item -> filter.apply(item, rest));
        return items;
    }

    private static Object choose(Object value, Arguments a, boolean byAttribute, boolean wanted) {
        int from = byAttribute ? 1 : 0;
        if (byAttribute && a.positional().isEmpty()) {
            throw Values.error("expected the name of an attribute");
        }
        String name = a.positional().size() > from ? Values.text(a.positional().get(from)) : null;
        Tests.Test test = name == null ? (v, x) -> Values.truth(v) : Tests.find(name);
        if (test == null) {
            throw Values.error("no test \"" + name + "\" is supported");
        }
        List<Object> rest = a.positional().size() > from + 1 ? a.positional().subList(from + 1, a.positional().size()) : List.of();
        List<Object> items = Values.iterate(value);
        items.removeIf(item -> test.holds(byAttribute ? path(item, a.positional().get(0)) : item, rest) != wanted);
        return items;
    }

    private static Object dictsort(Object value, Arguments a) {
        boolean caseSensitive = Values.truth(a.get(0, "case_sensitive", false));
        int by = Values.text(a.get(1, "by", "key")).equals("value") ? 1 : 0;
        List<Object> pairs = Members.pairs(mapping(value));
        pairs.sort(order(caseSensitive, pair -> ((List<?>) pair).get(by), Values.truth(a.get(2, "reverse", false))));
        return pairs;
    }

    private static Object sort(Object value, Arguments a) {
        Object attribute = a.get(2, "attribute", null);
        List<Object> items = Values.iterate(value);
        items.sort(order(Values.truth(a.get(1, "case_sensitive", false)),
                item -> attribute == null ? item : path(item, attribute), Values.truth(a.get(0, "reverse", false))));
        return items;
    }

    private static Comparator<Object> order(
            boolean caseSensitive, java.util.function.Function<Object, Object> key, boolean reverse) {
        Comparator<Object> order = (x, y) -> Values.compare(fold(key.apply(x), caseSensitive), fold(key.apply(y), caseSensitive));
        return reverse ? order.reversed() : order;
    }

    private static Object fold(Object value, boolean caseSensitive) {
        return value instanceof String s && !caseSensitive ? s.toLowerCase(Locale.ROOT) : value;
    }

    private static Object reverse(Object value) {
        if (value instanceof String s) {
            return new StringBuilder(s).reverse().toString();
        }
        List<Object> items = Values.iterate(value);
        java.util.Collections.reverse(items);
        return items;
    }

    private static Object unique(List<Object> items) {
        Map<Object, Object> seen = new LinkedHashMap<>();
        items.forEach(item -> seen.putIfAbsent(fold(item, false), item));
        return new ArrayList<>(seen.values());
    }

    private static Object integer(Object value, Arguments a) {
        if (value instanceof Double d) {
            return (long) (double) d;
        }
        if (value instanceof String s) {
            try {
                String digits = s.strip().toLowerCase(Locale.ROOT).replaceAll("(?<=\\p{Alnum})_(?=\\p{Alnum})", "");
                int base = (int) Values.integer(a.get(1, "base", 10L));
                return Long.parseLong(base == 16 ? digits.replaceFirst("^([+-]?)0x", "$1") : digits, base);
            } catch (NumberFormatException notWhole) {
                return real(s, new Arguments(List.of(Double.NaN), Map.of())) instanceof Double d && !d.isNaN() && !d.isInfinite()
                        ? (Object) (long) (double) d
                        : a.get(0, "default", 0L);
            }
        }
        return Values.isNumber(value) ? (Object) Values.integer(value) : a.get(0, "default", 0L);
    }

    private static Object real(Object value, Arguments a) {
        if (value instanceof String s) {
            try {
                String number = s.strip().toLowerCase(Locale.ROOT);
                if (number.matches("[+-]?inf(inity)?")) {
                    return number.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
                }
                // Java would also read a type suffix or a hexadecimal float.
                return number.matches("[0-9.e+-]+") ? (Object) Double.parseDouble(number) : a.get(0, "default", 0.0);
            } catch (NumberFormatException e) {
                return a.get(0, "default", 0.0);
            }
        }
        return Values.isNumber(value) ? (Object) Values.real(value) : a.get(0, "default", 0.0);
    }

    private static Object indent(Object value, Arguments a) {
        Object width = a.get(0, "width", 4L);
        String unit = width instanceof String s ? s : Values.spaces(width);
        boolean first = Values.truth(a.get(1, "first", false));
        boolean blank = Values.truth(a.get(2, "blank", false));
        String[] lines = Values.text(value).split("\n", -1);
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < lines.length; i++) {
            boolean indented = i == 0 ? first : blank || !lines[i].isEmpty();
            Values.checkLength(out.length() + (long) unit.length());
            out.append(i == 0 ? "" : "\n").append(indented ? unit : "").append(lines[i]);
        }
        return out.toString();
    }
}
