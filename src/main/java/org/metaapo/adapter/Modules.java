package org.metaapo.adapter;

import java.util.List;

/**
 * Names of modules as PEFT takes them: a list, where a name fits a module that it equals or whose path ends with it behind a dot,
 * or one regular expression over the whole path.
 *
 * @param names null where an expression is given
 * @param expression null where names are given
 */
public record Modules(List<String> names, String expression) {
    /** Every linear map of the layers. */
    public static final String ALL_LINEAR = "all-linear";

    /** Copies the list. */
    public Modules {
        names = names == null ? null : List.copyOf(names);
    }

    /** Of names. */
    public static Modules of(List<String> names) {
        return new Modules(names, null);
    }

    /** None at all. */
    public static Modules none() {
        return of(List.of());
    }

    boolean isEmpty() {
        return expression == null && names.isEmpty();
    }

    boolean isAllLinear() {
        return expression != null && expression.equalsIgnoreCase(ALL_LINEAR);
    }

    /** Whether a module of this path is meant. */
    boolean fit(String path) {
        if (expression != null) {
            return isAllLinear() || new ModulePattern(expression, expression).fits(path);
        }
        return names.stream().anyMatch(name -> path.equals(name) || path.endsWith("." + name));
    }
}
