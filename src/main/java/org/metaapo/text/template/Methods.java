package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Methods of Python's text, list, tuple and dict that change nothing. */
final class Methods {
    private static final Set<String> CHANGING = Set.of(
            "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort", "popitem", "setdefault", "update");
    private static final Set<String> UNSUPPORTED_TEXT = Set.of(
            "casefold", "encode", "format", "format_map", "maketrans", "translate", "isprintable", "isidentifier");
    private static final Set<String> UNSUPPORTED_NUMBER = Set.of(
            "real", "imag", "numerator", "denominator", "conjugate", "bit_length", "bit_count", "is_integer",
            "as_integer_ratio", "to_bytes", "from_bytes", "hex", "fromhex");

    private static final Set<String> MAKING_NO_TEXT =
            Set.of("count", "endswith", "find", "index", "rfind", "rindex", "startswith");
    private static final Set<String> KEEPING_MARK = Set.of(
            "capitalize", "lower", "lstrip", "rstrip", "strip", "swapcase", "title", "upper");

    private Methods() {}

    /** A bound method, or {@link Arguments#MISSING}. */
    static Object of(Object owner, String name) {
        if (owner instanceof String text) {
            if (UNSUPPORTED_TEXT.contains(name)) {
                throw new TemplateFailure("unsupported method '" + name + "' of text");
            }
            return TextMethods.NAMES.contains(name) ? method(name, (e, a) -> TextMethods.call(text, name, a, e.budget)) : Arguments.MISSING;
        } else if (owner instanceof Map) {
            return dictMethod(Types.dict(owner), name);
        } else if (owner instanceof Values.Range range) {
            return rangeAttribute(range, name);
        } else if (owner instanceof List || owner instanceof Values.Tuple) {
            return listMethod(owner, name);
        } else if (Types.isNumber(owner) && UNSUPPORTED_NUMBER.contains(name)) {
            throw new TemplateFailure("unsupported attribute '" + name + "' of a number");
        }
        return Arguments.MISSING;
    }

    /** A bound method of text marked as safe: those whose result Python gives the mark, and those that make no text. */
    static Object ofMarkup(Values.Markup markup, String name) {
        if (!TextMethods.NAMES.contains(name)) {
            return Undefined.attribute(markup, name);
        }
        return method(name, (e, a) -> {
            if (KEEPING_MARK.contains(name) && a.positional().isEmpty() && a.named().isEmpty()) {
                return new Values.Markup((String) TextMethods.call(markup.text(), name, a, e.budget));
            }
            if (!MAKING_NO_TEXT.contains(name) && !name.startsWith("is")) {
                throw new TemplateFailure("unsupported method '" + name + "' of text marked as safe");
            }
            return TextMethods.call(markup.text(), name, a, e.budget);
        });
    }

    private interface Body {
        Object call(Evaluation evaluation, Arguments arguments);
    }

    private static Values.Callable method(String name, Body body) {
        return new Values.Callable(name, body::call);
    }

    private static Object refused(String type, String name) {
        return new Undefined("access to attribute '" + name + "' of '" + type + "' object is unsafe: templates change nothing");
    }

    private static Object dictMethod(Map<Object, Object> map, String name) {
        return switch (name) {
            case "items" -> method(name, (e, a) -> {
                a.bindPositional(name);
                return new Values.DictView("items", pairs(map));
            });
            case "keys" -> method(name, (e, a) -> {
                a.bindPositional(name);
                return new Values.DictView("keys", new ArrayList<>(map.keySet()));
            });
            case "values" -> method(name, (e, a) -> {
                a.bindPositional(name);
                return new Values.DictView("values", new ArrayList<>(map.values()));
            });
            case "get" -> method(name, (e, a) -> {
                Object[] given = a.bindPositional(name, "key", "default?");
                Object key = Types.storedKey(map, Types.key(given[0]));
                return map.containsKey(key) ? map.get(key) : given[1] == Arguments.MISSING ? null : given[1];
            });
            case "copy" -> method(name, (e, a) -> map);
            case "clear", "pop", "popitem", "setdefault", "update" -> refused("dict", name);
            case "fromkeys" -> throw new TemplateFailure("unsupported method 'fromkeys' of a dict");
            default -> Arguments.MISSING;
        };
    }

    static List<Object> pairs(Map<Object, Object> map) {
        List<Object> pairs = new ArrayList<>(map.size());
        map.forEach((key, value) -> {
            List<Object> pair = new ArrayList<>(2);
            pair.add(key);
            pair.add(value);
            pairs.add(new Values.Tuple(pair));
        });
        return pairs;
    }

    private static Object rangeAttribute(Values.Range range, String name) {
        return switch (name) {
            case "start" -> range.start;
            case "stop" -> range.stop;
            case "step" -> range.step;
            default -> name.equals("index") || name.equals("count") ? listMethod(range, name) : Arguments.MISSING;
        };
    }

    private static Object listMethod(Object owner, String name) {
        List<Object> items = Types.sequence(owner);
        switch (name) {
            case "index":
                return method(name, (e, a) -> index(items, a, e.budget));
            case "count":
                return method(name, (e, a) -> {
                    Object wanted = a.bindPositional(name, "value")[0];
                    return items.stream().filter(item -> Operations.equal(item, wanted, e.budget)).count();
                });
            case "copy":
                return owner instanceof List ? method(name, (e, a) -> items) : Arguments.MISSING;
            default:
                return owner instanceof List && CHANGING.contains(name) ? refused("list", name) : Arguments.MISSING;
        }
    }

    private static Object index(List<Object> items, Arguments arguments, Budget budget) {
        Object[] given = arguments.bindPositional("index", "value", "start?", "stop?");
        long from = clamp(Arguments.integer(given[1], 0, "start"), items.size());
        long to = clamp(Arguments.integer(given[2], items.size(), "stop"), items.size());
        for (long i = from; i < to; i++) {
            if (Operations.equal(items.get((int) i), given[0], budget)) {
                return i;
            }
        }
        throw new TemplateFailure(Repr.of(given[0]) + " is not in list");
    }

    static long clamp(long index, long size) {
        return Math.max(0, Math.min(size, index < 0 ? index + size : index));
    }
}
