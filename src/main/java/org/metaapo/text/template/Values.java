package org.metaapo.text.template;

import java.util.AbstractList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/**
 * The kinds of values that Java has no ready class for. The others are {@code null} (none), {@link Boolean},
 * {@link Long}, {@link Double}, {@link String}, {@link List} and {@link Map} (neither is ever changed).
 */
final class Values {
    private Values() {}

    /** A tuple: like a list, but never equal to one. */
    record Tuple(List<Object> items) {}

    /** Text marked as safe for HTML: it differs from other text only in that joining with {@code +} escapes the other. */
    record Markup(String text) {}

    /** The text of a {@link Markup}, or the value itself. */
    static Object plain(Object value) {
        return value instanceof Markup markup ? markup.text() : value;
    }

    /** Something that can be walked through once, as the result of {@code map} or {@code select}. */
    record Generated(Iterator<Object> items) {}

    /** {@code dict.keys()}, {@code .values()} or {@code .items()}. */
    record DictView(String kind, List<Object> items) {}

    /** What can be called, by its name for messages. */
    record Callable(String name, BiFunction<Evaluation, Arguments, Object> body) {}

    /** The mutable object of {@code namespace()}. */
    static final class Namespace {
        final Map<Object, Object> attributes = new LinkedHashMap<>();
    }

    /** {@code range()}. */
    static final class Range extends AbstractList<Object> {
        final long start;
        final long stop;
        final long step;
        private final int size;

        Range(long start, long stop, long step, int size) {
            this.start = start;
            this.stop = stop;
            this.step = step;
            this.size = size;
        }

        @Override
        public Object get(int index) {
            if (index < 0 || index >= size) {
                throw new IndexOutOfBoundsException(index);
            }
            return start + index * step;
        }

        @Override
        public int size() {
            return size;
        }
    }
}
