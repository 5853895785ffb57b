package org.metaapo.text.template;

import java.util.List;

/** The {@code loop} variable. */
final class Loop {
    private final List<Object> items;
    private final int depth;
    private final Values.Callable recursion;
    private int at = -1;
    private Object lastChanged = Arguments.MISSING;

    /**
     * @param depth 0 for the outermost of recursive loops
     * @param recursion what {@code loop(...)} calls, or null
     */
    Loop(List<Object> items, int depth, Values.Callable recursion) {
        this.items = items;
        this.depth = depth;
        this.recursion = recursion;
    }

    boolean advance() {
        return ++at < items.size();
    }

    Object item() {
        return items.get(at);
    }

    int index() {
        return at + 1;
    }

    int length() {
        return items.size();
    }

    Values.Callable recursion() {
        if (recursion == null) {
            throw new TemplateFailure("the loop is not recursive: mark it with 'recursive' to call it");
        }
        return recursion;
    }

    /** Items that are not reached yet; the loop ends with them. */
    List<Object> rest() {
        List<Object> rest = List.copyOf(items.subList(Math.min(at + 1, items.size()), items.size()));
        at = items.size() - 1;
        return rest;
    }

    Object attribute(String name) {
        return switch (name) {
            case "index" -> (long) at + 1;
            case "index0" -> (long) at;
            case "revindex" -> (long) items.size() - at;
            case "revindex0" -> (long) items.size() - at - 1;
            case "first" -> at == 0;
            case "last" -> at == items.size() - 1;
            case "length" -> (long) items.size();
            case "depth" -> (long) depth + 1;
            case "depth0" -> (long) depth;
            case "previtem" -> at > 0 ? items.get(at - 1) : new Undefined("there is no previous item");
            case "nextitem" -> at + 1 < items.size() ? items.get(at + 1) : new Undefined("there is no next item");
            case "cycle" -> new Values.Callable("cycle", (evaluation, arguments) -> cycle(arguments));
            case "changed" -> new Values.Callable("changed", this::changed);
            default -> Undefined.attribute(this, name);
        };
    }

    private Object cycle(Arguments arguments) {
        List<Object> choices = arguments.positional();
        if (choices.isEmpty()) {
            throw new TemplateFailure("no items for cycling given");
        }
        return choices.get(at % choices.size());
    }

    private Object changed(Evaluation evaluation, Arguments arguments) {
        Object now = new Values.Tuple(arguments.positional());
        boolean changed = lastChanged == Arguments.MISSING || !Operations.equal(lastChanged, now, evaluation.budget);
        if (changed) {
            lastChanged = now;
        }
        return changed;
    }
}
