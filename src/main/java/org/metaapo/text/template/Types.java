package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Kinds, truth and items of values. */
final class Types {
    private static final int LARGEST_KEY = 10_000;

    private Types() {}

    /** Python's name of a value's type. */
    static String name(Object value) {
        if (value == null) {
            return "NoneType";
        } else if (value instanceof String) {
            return "str";
        } else if (value instanceof Boolean) {
            return "bool";
        } else if (value instanceof Long) {
            return "int";
        } else if (value instanceof Double) {
            return "float";
        } else if (value instanceof Values.Range) {
            return "range";
        } else if (value instanceof List) {
            return "list";
        } else if (value instanceof Values.Tuple) {
            return "tuple";
        } else if (value instanceof Map) {
            return "dict";
        } else if (value instanceof Values.DictView view) {
            return "dict_" + view.kind();
        } else if (value instanceof Values.Generated) {
            return "generator";
        } else if (value instanceof Values.Namespace) {
            return "Namespace";
        } else if (value instanceof Undefined) {
            return "Undefined";
        } else if (value instanceof Loop) {
            return "LoopContext";
        } else if (value instanceof Macro) {
            return "Macro";
        } else if (value instanceof Values.Markup) {
            return "Markup";
        }
        return "function";
    }

    static boolean truth(Object value) {
        if (value == null || value instanceof Undefined) {
            return false;
        } else if (value instanceof Boolean flag) {
            return flag;
        } else if (value instanceof Long number) {
            return number != 0;
        } else if (value instanceof Double number) {
            return number != 0;
        } else if (value instanceof String text) {
            return !text.isEmpty();
        } else if (value instanceof Values.Markup markup) {
            return !markup.text().isEmpty();
        }
        List<Object> items = sized(value);
        return items == null || !items.isEmpty();
    }

    static boolean isNumber(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    /** Items of a list, tuple, range, dict (its keys) or dict view; null for anything else. */
    static List<Object> sized(Object value) {
        if (value instanceof List<?> list) {
            return cast(list);
        } else if (value instanceof Values.Tuple tuple) {
            return tuple.items();
        } else if (value instanceof Map<?, ?> map) {
            return new ArrayList<>(map.keySet());
        } else if (value instanceof Values.DictView view) {
            return view.items();
        }
        return null;
    }

    /** Items of a sequence that can be indexed: list, tuple or range; null for anything else. */
    static List<Object> sequence(Object value) {
        return value instanceof List || value instanceof Values.Tuple ? sized(value) : null;
    }

    @SuppressWarnings("unchecked") // lists of the interpreter hold any value
    private static List<Object> cast(List<?> list) {
        return (List<Object>) list;
    }

    @SuppressWarnings("unchecked") // dicts of the interpreter hold any value
    static Map<Object, Object> dict(Object value) {
        return (Map<Object, Object>) value;
    }

    static boolean isIterable(Object value) {
        return value instanceof String || value instanceof Values.Markup || value instanceof Values.Generated || value instanceof Undefined
                || sized(value) != null;
    }

    /** The items of anything that can be walked through; a generator is used up by it. */
    static List<Object> items(Object value, Budget budget) {
        List<Object> items;
        if (Values.plain(value) instanceof String text) {
            budget.items(text.length());
            return PyText.characters(text);
        } else if (value instanceof Undefined) {
            return List.of();
        } else if (value instanceof Values.Generated generated) {
            items = new ArrayList<>();
            generated.items().forEachRemaining(items::add);
        } else {
            items = sized(value);
        }
        if (items == null) {
            throw new TemplateFailure("'" + name(value) + "' object is not iterable");
        }
        budget.items(items.size());
        return items;
    }

    /** As {@link #items}, but a generator is only used up as far as it is read. */
    static Iterator<Object> iterator(Object value, Budget budget) {
        return value instanceof Values.Generated generated ? generated.items() : items(value, budget).iterator();
    }

    static long length(Object value) {
        if (Values.plain(value) instanceof String text) {
            return PyText.length(text);
        } else if (value instanceof Undefined) {
            return 0;
        } else if (value instanceof Loop loop) {
            return loop.length();
        }
        List<Object> items = sized(value);
        if (items == null) {
            throw new TemplateFailure("object of type '" + name(value) + "' has no len()");
        }
        return items.size();
    }

    /** A value that a dict can have as its key. */
    static Object key(Object value) {
        countKey(value, 0);
        return Values.plain(value);
    }

    private static int countKey(Object value, int before) {
        if (value instanceof Map || value instanceof List && !(value instanceof Values.Range)) {
            throw new TemplateFailure("unhashable type: '" + name(value) + "'");
        }
        int count = before + 1;
        if (value instanceof Values.Tuple tuple) {
            for (Object item : tuple.items()) {
                count = countKey(item, count);
            }
        }
        if (count > LARGEST_KEY) {
            throw new TemplateFailure("unsupported: a key of more than " + LARGEST_KEY + " items");
        }
        return count;
    }

    /** Python finds 1, 1.0 and True under the same key. */
    static Object storedKey(Map<Object, Object> map, Object key) {
        if (map.containsKey(key) || !isNumber(key)) {
            return key;
        }
        double number = Operations.toDouble(key);
        for (Object other : new Object[] {(long) number, number, number == 1 ? Boolean.TRUE : Boolean.FALSE}) {
            if (Operations.toDouble(other) == number && map.containsKey(other)) {
                return other;
            }
        }
        return key;
    }
}
