package org.metaapo.text.template;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/** The state of one rendering: variables in scopes, output, and what is left of the limits. */
final class Context {
    private static final long MAX_STEPS = 5_000_000;
    private static final int MAX_OUTPUT = 20_000_000;
    private static final int MAX_DEPTH = 150;

    private final Deque<Map<String, Object>> scopes = new ArrayDeque<>();
    private StringBuilder out = new StringBuilder();
    private long steps;
    private int depth;

    Context(Map<String, Object> variables) {
        scopes.push(new HashMap<>(variables));
    }

    Object get(String name) {
        for (Map<String, Object> scope : scopes) {
            if (scope.containsKey(name)) {
                return scope.get(name);
            }
        }
        return new Undefined(name);
    }

    void set(String name, Object value) {
        scopes.peek().put(name, value);
    }

    void push(Map<String, Object> scope) {
        scopes.push(scope);
    }

    void pop() {
        scopes.pop();
    }

    /** Runs the body with the outermost scope and one of its own, as a macro does. */
    void isolated(Map<String, Object> scope, Runnable body) {
        Deque<Map<String, Object>> saved = new ArrayDeque<>(scopes);
        Map<String, Object> global = scopes.peekLast();
        scopes.clear();
        scopes.push(global);
        scopes.push(scope);
        try {
            nested(body);
        } finally {
            scopes.clear();
            scopes.addAll(saved);
        }
    }

    void nested(Runnable body) {
        if (++depth > MAX_DEPTH) {
            throw new TemplateError("recursion deeper than " + MAX_DEPTH, 0, 0);
        }
        try {
            body.run();
        } finally {
            depth--;
        }
    }

    /** What the body writes, instead of writing it. */
    String capture(Runnable body) {
        StringBuilder outer = out;
        out = new StringBuilder();
        try {
            body.run();
            return out.toString();
        } finally {
            out = outer;
        }
    }

    void write(String text) {
        charge(text.length() / 64);
        if (out.length() + text.length() > MAX_OUTPUT) {
            throw new TemplateError("more than " + MAX_OUTPUT + " characters of output", 0, 0);
        }
        out.append(text);
    }

    /** Counts work. */
    void charge(long count) {
        steps += count + 1;
        if (steps > MAX_STEPS) {
            throw new TemplateError("more than " + MAX_STEPS + " steps", 0, 0);
        }
    }

    /** Counts the work that a text or list costs whoever reads or makes it; returns it. */
    <T> T charged(T value) {
        if (value instanceof String text) {
            charge(text.length() / 64);
        } else if (value instanceof java.util.Collection<?> items) {
            charge(items.size() / 4);
        }
        return value;
    }

    String output() {
        return out.toString();
    }
}
