package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A macro, or the body of a {@code call} block.
 *
 * @param name null for a {@code call} body
 * @param definition where it was written
 * @param scope the names in sight there
 */
record Macro(String name, Definition definition, Evaluation.Scope scope) {
    /**
     * The source of a macro.
     *
     * @param defaults for the last parameters
     * @param uses which of {@code varargs}, {@code kwargs} and {@code caller} its body reads: without these names,
     *     surplus arguments are an error
     */
    record Definition(List<String> parameters, List<Expression> defaults, List<Statement> body, Set<String> uses) {
        Definition {
            Set<String> read = new HashSet<>(uses);
            read.removeAll(parameters);
            uses = read;
        }
    }

    String call(Evaluation evaluation, Arguments arguments) {
        Budget budget = evaluation.budget;
        budget.enter();
        Map<String, Object> names = new HashMap<>();
        List<Statement> steps = bind(arguments, names);
        steps.addAll(definition.body());
        String text = evaluation.captured(() -> evaluation.inScope(scope, names, steps));
        budget.leave();
        return text;
    }

    /** Fills in what was given; returns the assignments of defaults that are still to be run, in order. */
    private List<Statement> bind(Arguments arguments, Map<String, Object> names) {
        List<String> parameters = definition.parameters();
        List<Object> given = arguments.positional();
        Map<String, Object> named = new LinkedHashMap<>(arguments.named());
        List<Statement> unset = new ArrayList<>();
        int firstDefault = parameters.size() - definition.defaults().size();
        for (int i = 0; i < parameters.size(); i++) {
            String parameter = parameters.get(i);
            if (i < given.size()) {
                names.put(parameter, given.get(i));
            } else if (named.containsKey(parameter)) {
                names.put(parameter, named.remove(parameter));
            } else if (i >= firstDefault) {
                Expression value = definition.defaults().get(i - firstDefault);
                unset.add(new Statements.Assign(value.at, new Target.Name(parameter), value));
            } else {
                names.put(parameter, new Undefined("parameter '" + parameter + "' was not provided"));
            }
        }
        bindSurplus(given, named, names);
        return unset;
    }

    private void bindSurplus(List<Object> given, Map<String, Object> named, Map<String, Object> names) {
        Set<String> uses = definition.uses();
        if (uses.contains("caller")) {
            Object caller = named.containsKey("caller") ? named.remove("caller") : new Undefined("no caller defined");
            names.put("caller", caller);
        }
        if (uses.contains("kwargs")) {
            Map<Object, Object> rest = new LinkedHashMap<>(named);
            names.put("kwargs", rest);
        } else if (!named.isEmpty()) {
            throw new TemplateFailure("macro " + title() + " takes no keyword argument '"
                    + named.keySet().iterator().next() + "'");
        }
        int count = definition.parameters().size();
        if (uses.contains("varargs")) {
            List<Object> rest = given.size() > count ? given.subList(count, given.size()) : List.of();
            names.put("varargs", new Values.Tuple(new ArrayList<>(rest)));
        } else if (given.size() > count) {
            throw new TemplateFailure("macro " + title() + " takes not more than " + count + " argument(s)");
        }
    }

    private String title() {
        return name == null ? "of a call block" : "'" + name + "'";
    }

    Object attribute(String attribute) {
        return switch (attribute) {
            case "name" -> name;
            case "arguments" -> new Values.Tuple(List.copyOf(definition.parameters()));
            case "catch_kwargs" -> definition.uses().contains("kwargs");
            case "catch_varargs" -> definition.uses().contains("varargs");
            case "caller" -> definition.uses().contains("caller");
            default -> Undefined.attribute(this, attribute);
        };
    }
}
