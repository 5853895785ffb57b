package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Attributes, items and methods of values; what is not listed here does not exist. */
final class Members {
    private Members() {}

    /** value[key] */
    static Object item(Object value, Object key) {
        if (value instanceof Undefined u) {
            throw Values.error("\"" + u.name() + "\" is undefined");
        }
        if (value instanceof Map<?, ?> map) {
            return map.containsKey(key) ? map.get(key) : new Undefined(Values.text(key));
        }
        if (value instanceof List<?> list && Values.isNumber(key)) {
            long index = Values.integer(key);
            long i = index < 0 ? index + list.size() : index;
            return i >= 0 && i < list.size() ? list.get((int) i) : new Undefined("item " + index);
        }
        if (value instanceof String s && Values.isNumber(key)) {
            int length = s.codePointCount(0, s.length());
            long index = Values.integer(key);
            long i = index < 0 ? index + length : index;
            return i >= 0 && i < length
                    ? Character.toString(s.codePointAt(s.offsetByCodePoints(0, (int) i)))
                    : new Undefined("character " + index);
        }
        return key instanceof String name ? attribute(value, name) : new Undefined(Values.text(key));
    }

    /** value.name */
    static Object attribute(Object value, String name) {
        if (value instanceof Undefined u) {
            throw Values.error("\"" + u.name() + "\" is undefined, so it has no \"" + name + "\"");
        }
        if (value instanceof Loop loop) {
            return loop.attribute(name);
        }
        if (value instanceof TemplateParser.RecursiveLoop recursive) {
            return recursive.loop().attribute(name);
        }
        Object method = value instanceof String s ? StringMethods.find(s, name)
                : value instanceof Map<?, ?> map && !(value instanceof Namespace) ? mapMethod(map, name)
                : null;
        if (method != null) {
            return method;
        }
        return value instanceof Map<?, ?> map && map.containsKey(name) ? map.get(name) : new Undefined(name);
    }

    private static Callable mapMethod(Map<?, ?> map, String name) {
        return switch (name) {
            case "items" -> (p, n) -> pairs(map);
            case "keys" -> (p, n) -> new ArrayList<Object>(map.keySet());
            case "values" -> (p, n) -> new ArrayList<Object>(map.values());
            case "get" -> (p, n) -> map.containsKey(p.get(0)) ? map.get(p.get(0)) : p.size() > 1 ? p.get(1) : n.get("default");
            case "copy" -> (p, n) -> new LinkedHashMap<Object, Object>(map);
            default -> null;
        };
    }

    static List<Object> pairs(Map<?, ?> map) {
        List<Object> items = new ArrayList<>();
        map.forEach((key, value) -> {
            items.add(new Tuple(Arrays.asList(key, value)));
        });
        return items;
    }
}
