package org.metaapo.text.template;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Tests behind {@code is}. */
final class Tests {
    /** Whether a value has a property. */
    interface Test {
        boolean holds(Object value, List<Object> arguments);
    }

    private Tests() {}

    static Test find(String name) {
        return switch (name) {
            case "defined" -> (v, a) -> !(v instanceof Undefined);
            case "undefined" -> (v, a) -> v instanceof Undefined;
            case "none" -> (v, a) -> v == null;
            case "string" -> (v, a) -> v instanceof String;
            case "mapping" -> (v, a) -> v instanceof Map;
            case "sequence" -> (v, a) -> v instanceof List || v instanceof String || v instanceof Map;
            case "iterable" -> (v, a) -> v instanceof List || v instanceof String || v instanceof Map || v instanceof Undefined;
            case "number" -> (v, a) -> Values.isNumber(v);
            case "integer" -> (v, a) -> v instanceof Long;
            case "float" -> (v, a) -> v instanceof Double;
            case "boolean" -> (v, a) -> v instanceof Boolean;
            case "true" -> (v, a) -> Boolean.TRUE.equals(v);
            case "false" -> (v, a) -> Boolean.FALSE.equals(v);
            case "callable" -> (v, a) -> v instanceof Callable;
            case "odd" -> (v, a) -> Math.floorMod(Values.integer(v), 2) == 1;
            case "even" -> (v, a) -> Math.floorMod(Values.integer(v), 2) == 0;
            case "divisibleby" -> (v, a) -> Values.integer(v) % Values.integer(a.get(0)) == 0;
            case "upper" -> (v, a) -> v instanceof String s && s.equals(s.toUpperCase(Locale.ROOT));
            case "lower" -> (v, a) -> v instanceof String s && s.equals(s.toLowerCase(Locale.ROOT));
            case "eq", "equalto", "==" -> (v, a) -> Values.equal(v, a.get(0));
            case "ne", "!=" -> (v, a) -> !Values.equal(v, a.get(0));
            case "lt", "lessthan", "<" -> (v, a) -> Values.compare(v, a.get(0)) < 0;
            case "le", "<=" -> (v, a) -> Values.compare(v, a.get(0)) <= 0;
            case "gt", "greaterthan", ">" -> (v, a) -> Values.compare(v, a.get(0)) > 0;
            case "ge", ">=" -> (v, a) -> Values.compare(v, a.get(0)) >= 0;
            case "in" -> (v, a) -> Values.contains(a.get(0), v);
            default -> null;
        };
    }
}
