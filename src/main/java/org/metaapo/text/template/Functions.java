package org.metaapo.text.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The global functions: those of jinja2, and those that transformers adds. */
final class Functions {
    private static final int LARGEST_RANGE = 100_000;

    static final Map<String, Object> GLOBALS = Map.of(
            "range", new Values.Callable("range", Functions::range),
            "dict", new Values.Callable("dict", Functions::dict),
            "namespace", new Values.Callable("namespace", Functions::namespace),
            "raise_exception", new Values.Callable("raise_exception", Functions::raise),
            "strftime_now", new Values.Callable("strftime_now", Functions::now),
            "lipsum", unsupported("lipsum"),
            "cycler", unsupported("cycler"),
            "joiner", unsupported("joiner"));

    private Functions() {}

    private static Values.Callable unsupported(String name) {
        return new Values.Callable(name, (evaluation, arguments) -> {
            throw new TemplateFailure("unsupported function '" + name + "'");
        });
    }

    private static Object range(Evaluation evaluation, Arguments arguments) {
        List<Object> given = arguments.positional();
        if (!arguments.named().isEmpty() || given.isEmpty() || given.size() > 3) {
            throw new TemplateFailure("range() takes one to three integers");
        }
        long first = Operations.toLong(given.get(0), "an argument of range()");
        long start = given.size() == 1 ? 0 : first;
        long stop = given.size() == 1 ? first : Operations.toLong(given.get(1), "an argument of range()");
        long step = given.size() < 3 ? 1 : Operations.toLong(given.get(2), "an argument of range()");
        if (step == 0) {
            throw new TemplateFailure("range() arg 3 must not be zero");
        }
        double count = Math.max(0, Math.ceil(((double) stop - start) / step));
        if (count > LARGEST_RANGE) {
            throw new TemplateFailure("range too big: at most " + LARGEST_RANGE + " items");
        }
        return new Values.Range(start, stop, step, (int) count);
    }

    private static Map<Object, Object> dict(Evaluation evaluation, Arguments arguments) {
        Map<Object, Object> dict = new LinkedHashMap<>();
        List<Object> given = arguments.positional();
        if (given.size() > 1) {
            throw new TemplateFailure("dict expected at most 1 argument, found " + given.size());
        }
        if (given.size() == 1 && given.get(0) instanceof Map) {
            dict.putAll(Types.dict(given.get(0)));
        } else if (given.size() == 1) {
            for (Object pair : Types.items(given.get(0), evaluation.budget)) {
                List<Object> both = Types.items(pair, evaluation.budget);
                if (both.size() != 2) {
                    throw new TemplateFailure("dict() needs pairs, found " + both.size() + " items");
                }
                dict.put(Types.storedKey(dict, Types.key(both.get(0))), both.get(1));
            }
        }
        dict.putAll(arguments.named());
        return dict;
    }

    private static Object namespace(Evaluation evaluation, Arguments arguments) {
        Values.Namespace namespace = new Values.Namespace();
        namespace.attributes.putAll(dict(evaluation, arguments));
        return namespace;
    }

    private static Object raise(Evaluation evaluation, Arguments arguments) {
        String message = Repr.string(arguments.bind("raise_exception", "message")[0], evaluation.budget);
        throw new TemplateFailure("the template refuses: " + message);
    }

    private static Object now(Evaluation evaluation, Arguments arguments) {
        String format = Arguments.text(arguments.bind("strftime_now", "format")[0], "format");
        return Strftime.format(format, evaluation.clock.get());
    }
}
