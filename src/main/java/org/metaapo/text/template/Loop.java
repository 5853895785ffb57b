package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** The {@code loop} variable. Items are taken one by one: a loop's filter sees what its body has changed. */
final class Loop {
    private final int depth;
    private final Values.Callable recursion;
    private Iterator<Object> items;
    private long length;
    private int at = -1;
    private Object before = Arguments.MISSING;
    private Object current = Arguments.MISSING;
    private Object after = Arguments.MISSING;
    private Object lastChanged = Arguments.MISSING;

    /**
     * @param length of the items, or -1 when they must be counted first
     * @param depth 0 for the outermost of recursive loops
     * @param recursion what {@code loop(...)} calls, or null
     */
    Loop(Iterator<Object> items, long length, int depth, Values.Callable recursion) {
        this.items = items;
        this.length = length;
        this.depth = depth;
        this.recursion = recursion;
    }

    boolean advance() {
        if (!peek()) {
            return false;
        }
        before = current;
        current = after;
        after = Arguments.MISSING;
        at++;
        return true;
    }

    /** Whether there is one more item, which is fetched to know. */
    private boolean peek() {
        if (after == Arguments.MISSING && items.hasNext()) {
            after = items.next();
        }
        return after != Arguments.MISSING;
    }

    Object item() {
        return current;
    }

    int index() {
        return at + 1;
    }

    long length() {
        if (length < 0) {
            List<Object> rest = new ArrayList<>();
            items.forEachRemaining(rest::add);
            items = rest.iterator();
            length = rest.size() + index() + (after == Arguments.MISSING ? 0 : 1);
        }
        return length;
    }

    Values.Callable recursion() {
        if (recursion == null) {
            throw new TemplateFailure("the loop is not recursive: mark it with 'recursive' to call it");
        }
        return recursion;
    }

    Object attribute(String name) {
        return switch (name) {
            case "index" -> (long) at + 1;
            case "index0" -> (long) at;
            case "revindex" -> length() - at;
            case "revindex0" -> length() - at - 1;
            case "first" -> at == 0;
            case "last" -> !peek();
            case "length" -> length();
            case "depth" -> (long) depth + 1;
            case "depth0" -> (long) depth;
            case "previtem" -> at > 0 ? before : new Undefined("there is no previous item");
            case "nextitem" -> peek() ? after : new Undefined("there is no next item");
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
