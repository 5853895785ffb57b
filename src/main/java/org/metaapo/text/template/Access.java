package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Attributes, items and slices. */
final class Access {
    private Access() {}

    /** {@code owner.name}: an attribute or method first, then the item of that name. */
    static Object attribute(Object owner, String name) {
        if (owner instanceof Values.Markup markup) {
            return Methods.ofMarkup(markup, name);
        }
        Object found = member(owner, name);
        if (found != Arguments.MISSING) {
            return found;
        }
        if (owner instanceof Map) {
            Map<Object, Object> map = Types.dict(owner);
            if (map.containsKey(name)) {
                return map.get(name);
            }
        }
        return Undefined.attribute(owner, name);
    }

    /** {@code owner[key]}: the item first, then an attribute or method of that name. */
    static Object item(Object owner, Object key, Budget budget) {
        if (owner instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (owner instanceof Values.Markup markup) {
            return key instanceof String name ? Methods.ofMarkup(markup, name) : marked(item(markup.text(), key, budget));
        }
        if (owner instanceof Map) {
            Map<Object, Object> map = Types.dict(owner);
            Object stored = Types.isNumber(key) ? Types.storedKey(map, key) : Values.plain(key);
            if (map.containsKey(stored)) {
                return map.get(stored);
            }
        } else if (key instanceof Long || key instanceof Boolean) {
            Object found = indexed(owner, Operations.toLong(key, "an index"), budget);
            if (found != Arguments.MISSING) {
                return found;
            }
        }
        if (key instanceof String name) {
            Object found = member(owner, name);
            return found != Arguments.MISSING ? found : Undefined.attribute(owner, key);
        }
        return Undefined.attribute(owner, key);
    }

    private static Object marked(Object value) {
        return value instanceof String text ? new Values.Markup(text) : value;
    }

    private static Object indexed(Object owner, long index, Budget budget) {
        if (owner instanceof String text) {
            budget.text(text.length());
            long length = PyText.length(text);
            long at = index < 0 ? index + length : index;
            if (at < 0 || at >= length) {
                return Arguments.MISSING;
            }
            int start = text.offsetByCodePoints(0, (int) at);
            return text.substring(start, text.offsetByCodePoints(start, 1));
        }
        List<Object> items = Types.sequence(owner);
        if (items == null) {
            return Arguments.MISSING;
        }
        long at = index < 0 ? index + items.size() : index;
        return at < 0 || at >= items.size() ? Arguments.MISSING : items.get((int) at);
    }

    private static Object member(Object owner, String name) {
        if (owner instanceof Undefined undefined) {
            throw undefined.used();
        } else if (owner instanceof Loop loop) {
            return loop.attribute(name);
        } else if (owner instanceof Macro macro) {
            return macro.attribute(name);
        } else if (owner instanceof Values.Namespace namespace) {
            return namespace.attributes.getOrDefault(name, Arguments.MISSING);
        }
        return Methods.of(owner, name);
    }

    /** {@code owner[start:stop:step]}, with Python's rules for bounds that are absent, negative or too large. */
    static Object slice(Object owner, Object[] bounds, Budget budget) {
        if (owner instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (owner instanceof Values.Markup markup) {
            return marked(slice(markup.text(), bounds, budget));
        }
        List<Object> items = owner instanceof String ? Types.items(owner, budget) : Types.sequence(owner);
        if (items == null) {
            throw new TemplateFailure("'" + Types.name(owner) + "' object cannot be sliced");
        }
        for (Object bound : bounds) {
            if (bound != null && !(bound instanceof Long) && !(bound instanceof Boolean)) {
                throw new TemplateFailure("slice indices must be integers or none, found " + Types.name(bound));
            }
        }
        long step = bounds[2] == null ? 1 : Operations.toLong(bounds[2], "a slice step");
        if (step == 0) {
            throw new TemplateFailure("slice step cannot be zero");
        }
        long size = items.size();
        long low = step > 0 ? 0 : -1;
        long high = step > 0 ? size : size - 1;
        long start = bound(bounds[0], step > 0 ? low : high, size, low, high);
        long stop = bound(bounds[1], step > 0 ? high : low, size, low, high);
        budget.items(size);
        if (owner instanceof Values.Range range) {
            long count = Math.max(0, Math.floorDiv(stop - start + step - Long.signum(step), step));
            return new Values.Range(range.start + start * range.step, range.start + stop * range.step, range.step * step, (int) count);
        }
        List<Object> taken = new ArrayList<>();
        for (long i = start; step > 0 ? i < stop : i > stop; ) {
            taken.add(items.get((int) i));
            if (step > size || step < -size) {
                break;
            }
            i += step;
        }
        if (owner instanceof String) {
            StringBuilder out = new StringBuilder();
            taken.forEach(out::append);
            return out.toString();
        }
        return owner instanceof Values.Tuple ? new Values.Tuple(taken) : taken;
    }

    private static long bound(Object value, long absent, long size, long low, long high) {
        if (value == null) {
            return absent;
        }
        long index = Operations.toLong(value, "a slice bound");
        return Math.max(low, Math.min(high, index < 0 ? index + size : index));
    }
}
