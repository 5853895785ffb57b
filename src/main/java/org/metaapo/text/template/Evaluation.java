package org.metaapo.text.template;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The state of one rendering: budget, names in sight, and where output goes. */
final class Evaluation {
    final Budget budget;
    final Supplier<LocalDateTime> clock;
    final List<Rendering.Span> generated = new ArrayList<>();
    private final StringBuilder document = new StringBuilder();
    private StringBuilder out = document;
    private Scope scope;
    private boolean insideGeneration;

    /** Where the first {@code generation} block stands whose output could not be placed, or -1. */
    int unplaced = -1;

    Evaluation(Budget budget, Supplier<LocalDateTime> clock, Map<String, Object> variables) {
        this.budget = budget;
        this.clock = clock;
        this.scope = new Scope(new Scope(null, new HashMap<>(Functions.GLOBALS)), new HashMap<>(variables));
    }

    /** Names of one block, and the block around it. */
    record Scope(Scope outer, Map<String, Object> names) {}

    String document() {
        return document.toString();
    }

    Scope scope() {
        return scope;
    }

    Object lookUp(String name) {
        for (Scope at = scope; at != null; at = at.outer()) {
            Object value = at.names().get(name);
            if (value != null || at.names().containsKey(name)) {
                return value;
            }
        }
        if (name.equals("self")) {
            throw new TemplateFailure("self, a template's own blocks, is not served: templates of models have none");
        }
        return Undefined.name(name);
    }

    void assign(String name, Object value) {
        scope.names().put(name, value);
    }

    /** Runs statements with names of their own, below {@code outer}. */
    Flow inScope(Scope outer, Map<String, Object> names, List<Statement> body) {
        Scope before = scope;
        scope = new Scope(outer, names);
        try {
            return run(body);
        } finally {
            scope = before;
        }
    }

    Flow run(List<Statement> body) {
        for (Statement statement : body) {
            Flow flow = statement.run(this);
            if (flow != Flow.NEXT) {
                return flow;
            }
        }
        return Flow.NEXT;
    }

    void write(String text) {
        budget.text(text.length());
        budget.checkLength((long) out.length() + text.length());
        out.append(text);
    }

    /** Runs an action whose output is kept apart, and returns that output. */
    String captured(Runnable action) {
        StringBuilder before = out;
        StringBuilder mine = new StringBuilder();
        out = mine;
        try {
            action.run();
        } finally {
            out = before;
        }
        return mine.toString();
    }

    /**
     * Runs a {@code generation} block and marks what it writes. While output is being captured, as inside of a macro or a
     * {@code set} block, its place in the document is not known: then the block's place in the source is kept instead.
     */
    void writeGenerated(int at, Runnable body) {
        boolean inside = insideGeneration;
        insideGeneration = true;
        String text = captured(body);
        insideGeneration = inside;
        if (out == document) {
            generated.add(new Rendering.Span(out.length(), out.length() + text.length()));
        } else if (!inside && unplaced < 0) {
            unplaced = at;
        }
        write(text);
    }

    /** How a statement ended. */
    enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }
}
