package org.metaapo.text.template;

import java.util.List;
import java.util.Map;

/** What a call was given. */
record Arguments(List<Object> positional, Map<String, Object> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    /** Stands for a parameter that was not given. */
    static final Object MISSING = new Object();

    /**
     * Values in the order of the parameters; {@link #MISSING} for optional ones that were not given. The name of an
     * optional parameter ends with {@code ?}.
     */
    Object[] bind(String function, String... parameters) {
        Object[] values = new Object[parameters.length];
        if (positional.size() > parameters.length) {
            throw new TemplateFailure(function + "() takes at most " + parameters.length + " arguments, found " + positional.size());
        }
        int used = 0;
        for (int i = 0; i < parameters.length; i++) {
            boolean optional = parameters[i].endsWith("?");
            String name = optional ? parameters[i].substring(0, parameters[i].length() - 1) : parameters[i];
            boolean isNamed = named.containsKey(name);
            used += isNamed ? 1 : 0;
            if (i < positional.size()) {
                if (isNamed) {
                    throw new TemplateFailure(function + "() got two values for argument '" + name + "'");
                }
                values[i] = positional.get(i);
            } else if (isNamed) {
                values[i] = named.get(name);
            } else if (optional) {
                values[i] = MISSING;
            } else {
                throw new TemplateFailure(function + "() misses its argument '" + name + "'");
            }
        }
        if (used < named.size()) {
            throw new TemplateFailure(function + "() has no argument named as one of " + named.keySet());
        }
        return values;
    }

    /** As {@link #bind} for parameters that take no keywords: methods of Python's own types. */
    Object[] bindPositional(String function, String... parameters) {
        if (!named.isEmpty()) {
            throw new TemplateFailure(function + "() takes no keyword arguments");
        }
        return bind(function, parameters);
    }

    static String text(Object value, String what) {
        if (Values.plain(value) instanceof String text) {
            return text;
        }
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        throw new TemplateFailure(what + " must be text, found " + Types.name(value));
    }

    static long integer(Object value, long fallback, String what) {
        return value == MISSING ? fallback : Operations.toLong(value, what);
    }

    static boolean flag(Object value, boolean fallback) {
        return value == MISSING ? fallback : Types.truth(value);
    }
}
