package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The {@code tojson} filter: {@code json.dumps} with the arguments that transformers passes on. */
final class JsonText {
    private final StringBuilder out = new StringBuilder();
    private final Budget budget;
    private final boolean ascii;
    private final String indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sorted;
    private int level;

    private JsonText(Budget budget, boolean ascii, String indent, String itemSeparator, String keySeparator, boolean sorted) {
        this.budget = budget;
        this.ascii = ascii;
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
        this.sorted = sorted;
    }

    static Object of(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("tojson", "ensure_ascii?", "indent?", "separators?", "sort_keys?");
        boolean ascii = Arguments.flag(given[0], false);
        String indent = null;
        if (given[1] instanceof String text) {
            indent = text;
        } else if (given[1] != Arguments.MISSING && given[1] != null) {
            long width = Math.max(0, Operations.toLong(given[1], "indent"));
            evaluation.budget.text(width);
            indent = " ".repeat((int) width);
        }
        String item = indent == null ? ", " : ",";
        String key = ": ";
        if (given[2] != Arguments.MISSING && given[2] != null) {
            List<Object> both = Types.items(given[2], evaluation.budget);
            if (both.size() != 2) {
                throw new TemplateFailure("separators must be a pair of texts");
            }
            item = Arguments.text(both.get(0), "the item separator");
            key = Arguments.text(both.get(1), "the key separator");
        }
        JsonText json = new JsonText(evaluation.budget, ascii, indent, item, key, Arguments.flag(given[3], false));
        json.write(value);
        return json.out.toString();
    }

    private void write(Object value) {
        budget.enter();
        budget.step();
        budget.checkLength(out.length());
        if (value == null) {
            out.append("null");
        } else if (Values.plain(value) instanceof String text) {
            quote(text);
        } else if (value instanceof Boolean || value instanceof Long) {
            out.append(value);
        } else if (value instanceof Double number) {
            out.append(number(number));
        } else if (value instanceof Map) {
            dict(Types.dict(value));
        } else if (Types.sequence(value) != null && !(value instanceof Values.Range)) {
            list(Types.sequence(value));
        } else {
            throw new TemplateFailure("Object of type " + Types.name(value) + " is not JSON serializable");
        }
        budget.leave();
    }

    private static String number(double value) {
        if (Double.isNaN(value)) {
            return "NaN";
        }
        return Double.isInfinite(value) ? (value > 0 ? "Infinity" : "-Infinity") : Repr.number(value);
    }

    private void list(List<Object> items) {
        out.append('[');
        level++;
        for (int i = 0; i < items.size(); i++) {
            next(i == 0);
            write(items.get(i));
        }
        close(items.isEmpty(), ']');
    }

    private void dict(Map<Object, Object> map) {
        List<Map.Entry<Object, Object>> entries = new ArrayList<>(map.entrySet());
        if (sorted) {
            entries.sort((a, b) -> Operations.compare(a.getKey(), b.getKey(), "<", budget));
        }
        out.append('{');
        level++;
        for (int i = 0; i < entries.size(); i++) {
            next(i == 0);
            quote(key(entries.get(i).getKey()));
            out.append(keySeparator);
            write(entries.get(i).getValue());
        }
        close(entries.isEmpty(), '}');
    }

    private static String key(Object key) {
        if (key instanceof String text) {
            return text;
        } else if (key == null) {
            return "null";
        } else if (key instanceof Boolean || key instanceof Long) {
            return key.toString();
        } else if (key instanceof Double number) {
            return number(number);
        }
        throw new TemplateFailure("keys must be str, int, float, bool or None, not " + Types.name(key));
    }

    private void next(boolean first) {
        out.append(first ? "" : itemSeparator);
        newLine();
    }

    private void close(boolean empty, char bracket) {
        level--;
        if (!empty) {
            newLine();
        }
        out.append(bracket);
    }

    private void newLine() {
        if (indent != null) {
            budget.text((long) indent.length() * level);
            out.append('\n').append(indent.repeat(level));
        }
    }

    private void quote(String text) {
        budget.text(text.length());
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int escape = "\"\\\n\r\t\b\f".indexOf(c);
            if (escape >= 0) {
                out.append('\\').append("\"\\nrtbf".charAt(escape));
            } else if (c < 0x20 || (ascii && c > 0x7e)) {
                out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
