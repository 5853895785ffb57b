package org.metaapo.text.template;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** The tests behind {@code is}. */
final class Tests {
    private static final Map<String, Test> ALL = new HashMap<>();

    static {
        plain("boolean", value -> value instanceof Boolean);
        plain("callable", value -> value instanceof Values.Callable || value instanceof Macro || value instanceof Loop
                || value instanceof Undefined);
        plain("defined", value -> !(value instanceof Undefined));
        plain("undefined", value -> value instanceof Undefined);
        plain("false", Boolean.FALSE::equals);
        plain("true", Boolean.TRUE::equals);
        plain("float", value -> value instanceof Double);
        plain("integer", value -> value instanceof Long);
        plain("iterable", Types::isIterable);
        plain("mapping", value -> value instanceof Map);
        plain("none", value -> value == null);
        plain("number", Types::isNumber);
        plain("sequence", value -> value instanceof String || value instanceof List || value instanceof Values.Tuple
                || value instanceof Map || value instanceof Undefined);
        plain("string", value -> value instanceof String);
        ALL.put("lower", (e, value, a) -> Types.truth(TextMethods.call(Filters.string(e, value), "islower", a, e.budget)));
        ALL.put("upper", (e, value, a) -> Types.truth(TextMethods.call(Filters.string(e, value), "isupper", a, e.budget)));
        ALL.put("even", (e, value, a) -> remainder(e, value, 2L) == 0);
        ALL.put("odd", (e, value, a) -> remainder(e, value, 2L) == 1);
        ALL.put("divisibleby", (e, value, a) -> remainder(e, value, a.bind("divisibleby", "num")[0]) == 0);
        ALL.put("sameas", (e, value, a) -> same(value, a.bind("sameas", "other")[0]));
        ALL.put("in", (e, value, a) -> Operations.contains(a.bind("in", "seq")[0], value, e.budget));
        ALL.put("filter", (e, value, a) -> Filters.exists(value));
        ALL.put("test", (e, value, a) -> value instanceof String && ALL.containsKey(value));
        comparison("==", "==", "eq", "equalto");
        comparison("!=", "!=", "ne");
        comparison(">", ">", "gt", "greaterthan");
        comparison(">=", ">=", "ge");
        comparison("<", "<", "lt", "lessthan");
        comparison("<=", "<=", "le");
    }

    private Tests() {}

    /** A test on a value. */
    interface Test {
        boolean holds(Evaluation evaluation, Object value, Arguments arguments);
    }

    private interface Predicate {
        boolean holds(Object value);
    }

    /** A test by its name; fails with the names that exist. */
    static Test named(String name) {
        Test test = ALL.get(name);
        if (test == null) {
            throw new TemplateFailure("no test \"" + name + "\" is supported (these are: " + String.join(", ", new TreeSet<>(ALL.keySet())) + ")");
        }
        return test;
    }

    private static void plain(String name, Predicate predicate) {
        ALL.put(name, (evaluation, value, arguments) -> {
            arguments.bind(name);
            return predicate.holds(value);
        });
    }

    private static void comparison(String operator, String... names) {
        for (String name : names) {
            ALL.put(name, (evaluation, value, arguments) ->
                    Operations.comparison(operator, value, arguments.bind(name, "other")[0], evaluation.budget));
        }
    }

    private static double remainder(Evaluation evaluation, Object value, Object divisor) {
        if (value instanceof String) {
            throw new TemplateFailure("a test of divisibility needs a number, found str");
        }
        return Operations.toDouble(Operations.binary("%", value, divisor, evaluation.budget));
    }

    private static boolean same(Object a, Object b) {
        if (a == b) {
            return true;
        }
        boolean interned = (a instanceof Boolean && b instanceof Boolean) || (a instanceof Long && b instanceof Long)
                || (a instanceof String && b instanceof String);
        return interned && a.equals(b);
    }
}
