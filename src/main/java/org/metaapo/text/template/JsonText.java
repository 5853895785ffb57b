package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Python's json.dumps, which the filter {@code tojson} is in transformers. */
final class JsonText {
    private final boolean ascii;
    private final String indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sorted;

    JsonText(boolean ascii, String indent, String itemSeparator, String keySeparator, boolean sorted) {
        this.ascii = ascii;
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
        this.sorted = sorted;
    }

    String write(Object value) {
        StringBuilder out = new StringBuilder();
        write(value, 0, out);
        return out.toString();
    }

    private void write(Object value, int depth, StringBuilder out) {
        if (value == null) {
            out.append("null");
        } else if (value instanceof Boolean || value instanceof Long) {
            out.append(value);
        } else if (value instanceof Double d) {
            out.append(d.isNaN() ? "NaN" : d.isInfinite() ? (d > 0 ? "Infinity" : "-Infinity") : Values.number(d));
        } else if (value instanceof String s) {
            string(s, out);
        } else if (value instanceof List<?> list) {
            List<Runnable> parts = new ArrayList<>();
            list.forEach(item -> parts.add(() -> write(item, depth + 1, out)));
            enclose('[', parts, ']', depth, out);
        } else if (value instanceof Map<?, ?> map) {
            Map<Object, Object> entries = new java.util.LinkedHashMap<>(map);
            if (sorted) {
                Map<Object, Object> ordered = new TreeMap<>(Values::compare);
                ordered.putAll(entries);
                entries = ordered;
            }
            List<Runnable> parts = new ArrayList<>();
            entries.forEach((key, item) -> parts.add(() -> {
                string(key instanceof String k ? k : key instanceof Boolean || key == null ? plain(key) : Values.text(key), out);
                out.append(keySeparator);
                write(item, depth + 1, out);
            }));
            enclose('{', parts, '}', depth, out);
        } else {
            throw Values.error(Values.kind(value) + " cannot be written as JSON");
        }
        Values.checkLength(out.length());
    }

    private static String plain(Object key) {
        return key == null ? "null" : key.toString();
    }

    private void enclose(char open, List<Runnable> parts, char close, int depth, StringBuilder out) {
        out.append(open);
        for (int i = 0; i < parts.size(); i++) {
            if (i > 0) {
                out.append(itemSeparator);
            }
            if (indent != null) {
                Values.checkLength(out.length() + (depth + 1L) * indent.length());
                out.append('\n').append(indent.repeat(depth + 1));
            }
            parts.get(i).run();
        }
        if (indent != null && !parts.isEmpty()) {
            out.append('\n').append(indent.repeat(depth));
        }
        out.append(close);
    }

    private void string(String s, StringBuilder out) {
        out.append('"');
        for (char c : s.toCharArray()) {
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < 32 || (ascii && c > 126)) {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
