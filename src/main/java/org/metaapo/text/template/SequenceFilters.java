package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Filters on lists, dicts and other things with items. */
final class SequenceFilters {
    private SequenceFilters() {}

    private interface Predicate {
        boolean holds(Object item);
    }

    private interface Selector {
        Object of(Object item);
    }

    static void addTo(Map<String, Filters.Filter> all) {
        all.put("batch", SequenceFilters::batch);
        all.put("count", (e, value, a) -> Types.length(value));
        all.put("dictsort", SequenceFilters::dictSort);
        all.put("first", (e, value, a) -> first(e, value));
        all.put("items", SequenceFilters::items);
        all.put("join", SequenceFilters::join);
        all.put("last", (e, value, a) -> {
            if (value instanceof Values.Generated) {
                throw new TemplateFailure("'generator' object is not reversible");
            }
            List<Object> items = Types.items(value, e.budget);
            return items.isEmpty() ? new Undefined("No last item, sequence was empty.") : items.get(items.size() - 1);
        });
        all.put("length", (e, value, a) -> {
            a.bind("length");
            return Types.length(value);
        });
        all.put("list", (e, value, a) -> {
            a.bind("list");
            return new ArrayList<>(Types.items(value, e.budget));
        });
        all.put("map", SequenceFilters::map);
        all.put("max", (e, value, a) -> extreme(e, value, a, "max"));
        all.put("min", (e, value, a) -> extreme(e, value, a, "min"));
        all.put("reject", (e, value, a) -> select(e, value, a, false, false));
        all.put("rejectattr", (e, value, a) -> select(e, value, a, true, false));
        all.put("reverse", (e, value, a) -> {
            a.bind("reverse");
            if (value instanceof String text) {
                List<Object> characters = Types.items(text, e.budget);
                Collections.reverse(characters);
                return String.join("", characters.toArray(String[]::new));
            }
            List<Object> items = new ArrayList<>(Types.items(value, e.budget));
            Collections.reverse(items);
            return value instanceof Values.Generated ? items : Filters.generated(items);
        });
        all.put("select", (e, value, a) -> select(e, value, a, false, true));
        all.put("selectattr", (e, value, a) -> select(e, value, a, true, true));
        all.put("slice", SequenceFilters::slice);
        all.put("sort", SequenceFilters::sort);
        all.put("sum", SequenceFilters::sum);
        all.put("unique", SequenceFilters::unique);
    }

    private static Object first(Evaluation evaluation, Object value) {
        Undefined none = new Undefined("No first item, sequence was empty.");
        if (value instanceof Values.Generated generated) {
            return generated.items().hasNext() ? generated.items().next() : none;
        }
        List<Object> items = Types.items(value, evaluation.budget);
        return items.isEmpty() ? none : items.get(0);
    }

    private static Object items(Evaluation evaluation, Object value, Arguments arguments) {
        arguments.bind("items");
        if (value instanceof Undefined) {
            return Filters.generated(List.of());
        }
        if (!(value instanceof Map)) {
            throw new TemplateFailure("Can only get item pairs from a mapping.");
        }
        return Filters.generated(Methods.pairs(Types.dict(value)));
    }

    private static Object join(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("join", "d?", "attribute?");
        String separator = given[0] == Arguments.MISSING ? "" : Filters.string(evaluation, given[0]);
        Selector selector = attribute(evaluation, given[1], null);
        StringBuilder out = new StringBuilder();
        boolean first = true;
        for (Object item : Types.items(value, evaluation.budget)) {
            String part = Filters.string(evaluation, selector.of(item));
            evaluation.budget.checkLength((long) out.length() + separator.length() + part.length());
            out.append(first ? "" : separator).append(part);
            first = false;
        }
        return out.toString();
    }

    /** Reads a path such as {@code a.b.0}; the item itself when there is none. */
    private static Selector attribute(Evaluation evaluation, Object path, Object fallback) {
        if (path == Arguments.MISSING || path == null) {
            return item -> item;
        }
        List<Object> keys = new ArrayList<>();
        if (path instanceof String text) {
            for (Object part : PyText.split(text, ".", -1)) {
                boolean digits = ((String) part).matches("[0-9]{1,18}");
                keys.add(digits ? (Object) Long.valueOf((String) part) : part);
            }
        } else {
            keys.add(Operations.toLong(path, "attribute"));
        }
        return item -> {
            Object value = item;
            for (Object key : keys) {
                value = Access.item(value, key, evaluation.budget);
                if (fallback != null && value instanceof Undefined) {
                    value = fallback;
                }
            }
            return value;
        };
    }

    private static Object map(Evaluation evaluation, Object value, Arguments arguments) {
        if (!Types.truth(value)) {
            return Filters.generated(List.of());
        }
        Selector selector;
        if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
            Object[] given = arguments.bind("map", "attribute", "default?");
            selector = attribute(evaluation, given[0], given[1] == Arguments.MISSING ? null : given[1]);
        } else if (arguments.positional().isEmpty()) {
            throw new TemplateFailure("map requires a filter argument");
        } else {
            String name = Arguments.text(arguments.positional().get(0), "the filter of map");
            Filters.Filter filter = Filters.named(name);
            Arguments rest = rest(arguments, 1);
            selector = item -> Filters.apply(name, filter, evaluation, item, rest);
        }
        return lazy(evaluation, value, selector::of);
    }

    private static Arguments rest(Arguments arguments, int from) {
        return new Arguments(arguments.positional().subList(from, arguments.positional().size()), arguments.named());
    }

    private static Object select(Evaluation evaluation, Object value, Arguments arguments, boolean byAttribute, boolean keep) {
        if (!Types.truth(value)) {
            return Filters.generated(List.of());
        }
        int first = 0;
        Selector selector = item -> item;
        if (byAttribute) {
            if (arguments.positional().isEmpty()) {
                throw new TemplateFailure("Missing parameter for attribute name");
            }
            selector = attribute(evaluation, arguments.positional().get(0), null);
            first = 1;
        }
        Predicate predicate = Types::truth;
        if (arguments.positional().size() > first) {
            Tests.Test test = Tests.named(Arguments.text(arguments.positional().get(first), "the name of a test"));
            Arguments rest = rest(arguments, first + 1);
            predicate = item -> test.holds(evaluation, Values.plain(item), rest);
        }
        Selector tested = selector;
        Predicate test = predicate;
        return lazy(evaluation, value, item -> test.holds(tested.of(item)) == keep ? item : Lazy.SKIPPED);
    }

    /** Items that are made one by one, when they are asked for. */
    private static Values.Generated lazy(Evaluation evaluation, Object value, UnaryOperator<Object> step) {
        return new Values.Generated(new Lazy(Types.iterator(value, evaluation.budget), item -> {
            evaluation.budget.step();
            return step.apply(item);
        }));
    }

    private static Object folded(Object value, boolean caseSensitive) {
        return !caseSensitive && value instanceof String text ? PyText.lower(text) : value;
    }

    private static Comparator<Object> order(Evaluation evaluation) {
        return (a, b) -> Operations.compare(a, b, "<", evaluation.budget);
    }

    private static List<Object> sorted(Evaluation evaluation, List<Object> items, Selector key, boolean reverse) {
        List<Object[]> keyed = new ArrayList<>();
        for (Object item : items) {
            keyed.add(new Object[] {key.of(item), item});
        }
        Comparator<Object> order = order(evaluation);
        keyed.sort((a, b) -> reverse ? order.compare(b[0], a[0]) : order.compare(a[0], b[0]));
        List<Object> out = new ArrayList<>();
        keyed.forEach(pair -> out.add(pair[1]));
        return out;
    }

    private static Object sort(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("sort", "reverse?", "case_sensitive?", "attribute?");
        boolean caseSensitive = Arguments.flag(given[1], false);
        List<Selector> selectors = new ArrayList<>();
        if (given[2] instanceof String paths) {
            PyText.split(paths, ",", -1).forEach(path -> selectors.add(attribute(evaluation, path, null)));
        } else {
            selectors.add(attribute(evaluation, given[2], null));
        }
        Selector key = item -> {
            List<Object> parts = new ArrayList<>();
            selectors.forEach(selector -> parts.add(folded(selector.of(item), caseSensitive)));
            return parts;
        };
        return sorted(evaluation, Types.items(value, evaluation.budget), key, Arguments.flag(given[0], false));
    }

    private static Object dictSort(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("dictsort", "case_sensitive?", "by?", "reverse?");
        boolean caseSensitive = Arguments.flag(given[0], false);
        String by = given[1] == Arguments.MISSING ? "key" : Arguments.text(given[1], "by");
        if (!by.equals("key") && !by.equals("value")) {
            throw new TemplateFailure("You can only sort by either \"key\" or \"value\"");
        }
        if (!(value instanceof Map)) {
            throw new TemplateFailure("dictsort needs a dict, found " + Types.name(value));
        }
        int part = by.equals("key") ? 0 : 1;
        return sorted(evaluation, Methods.pairs(Types.dict(value)),
                pair -> folded(((Values.Tuple) pair).items().get(part), caseSensitive), Arguments.flag(given[2], false));
    }

    private static Object unique(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("unique", "case_sensitive?", "attribute?");
        boolean caseSensitive = Arguments.flag(given[0], false);
        Selector selector = attribute(evaluation, given[1], null);
        List<Object> seen = new ArrayList<>();
        return lazy(evaluation, value, item -> {
            Object key = Types.key(folded(selector.of(item), caseSensitive));
            if (Operations.contains(seen, key, evaluation.budget)) {
                return Lazy.SKIPPED;
            }
            seen.add(key);
            return item;
        });
    }

    private static Object extreme(Evaluation evaluation, Object value, Arguments arguments, String name) {
        Object[] given = arguments.bind(name, "case_sensitive?", "attribute?");
        boolean caseSensitive = Arguments.flag(given[0], false);
        Selector selector = attribute(evaluation, given[1], null);
        List<Object> items = Types.items(value, evaluation.budget);
        if (items.isEmpty()) {
            return new Undefined("No aggregated item, sequence was empty.");
        }
        Object best = items.get(0);
        Object bestKey = folded(selector.of(best), caseSensitive);
        for (Object item : items.subList(1, items.size())) {
            Object key = folded(selector.of(item), caseSensitive);
            if (Operations.comparison(name.equals("min") ? "<" : ">", key, bestKey, evaluation.budget)) {
                best = item;
                bestKey = key;
            }
        }
        return best;
    }

    private static Object sum(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("sum", "attribute?", "start?");
        Selector selector = attribute(evaluation, given[0], null);
        Object total = given[1] == Arguments.MISSING ? Long.valueOf(0) : given[1];
        if (total instanceof String) {
            throw new TemplateFailure("sum() can't sum strings");
        }
        for (Object item : Types.items(value, evaluation.budget)) {
            total = Operations.binary("+", total, selector.of(item), evaluation.budget);
        }
        return total;
    }

    private static Object batch(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("batch", "linecount", "fill_with?");
        long size = Operations.toLong(given[0], "linecount");
        List<Object> batches = new ArrayList<>();
        List<Object> current = new ArrayList<>();
        for (Object item : Types.items(value, evaluation.budget)) {
            if (current.size() == size) {
                batches.add(current);
                current = new ArrayList<>();
            }
            current.add(item);
        }
        if (!current.isEmpty()) {
            boolean fills = given[1] != Arguments.MISSING && given[1] != null && size > current.size();
            if (fills) {
                evaluation.budget.items(size);
                current.addAll(Collections.nCopies((int) (size - current.size()), given[1]));
            }
            batches.add(current);
        }
        return Filters.generated(batches);
    }

    private static Object slice(Evaluation evaluation, Object value, Arguments arguments) {
        Object[] given = arguments.bind("slice", "slices", "fill_with?");
        long slices = Operations.toLong(given[0], "slices");
        List<Object> items = Types.items(value, evaluation.budget);
        if (slices == 0) {
            throw new TemplateFailure("division by zero");
        }
        evaluation.budget.items(Math.max(0, slices));
        List<Object> out = new ArrayList<>();
        long size = Math.floorDiv(items.size(), slices);
        long larger = Math.floorMod(items.size(), slices);
        int at = 0;
        for (long i = 0; i < slices; i++) {
            int end = (int) (at + size + (i < larger ? 1 : 0));
            List<Object> part = new ArrayList<>(items.subList(at, end));
            if (given[1] != Arguments.MISSING && given[1] != null && i >= larger) {
                part.add(given[1]);
            }
            out.add(part);
            at = end;
        }
        return Filters.generated(out);
    }
}
