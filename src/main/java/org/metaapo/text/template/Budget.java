package org.metaapo.text.template;

/** Counts what a rendering uses and stops it at its limits. What it makes costs steps, so that steps bound the memory too. */
final class Budget {
    private static final int CHARACTERS_PER_STEP = 16;

    private final TemplateLimits limits;
    private long steps;
    private int depth;

    Budget(TemplateLimits limits) {
        this.limits = limits;
    }

    void step() {
        if (++steps > limits.steps()) {
            throw new TemplateFailure("template ran for more than " + limits.steps() + " steps: it may never end");
        }
    }

    private void charge(long count) {
        steps += count;
        step();
    }

    /** A text has this length, or would have it. */
    void checkLength(long length) {
        if (length > limits.characters()) {
            throw new TemplateFailure("template makes a text of more than " + limits.characters() + " characters");
        }
    }

    /** A text of this length is about to be made or read through. */
    void text(long length) {
        checkLength(length);
        charge(length / CHARACTERS_PER_STEP);
    }

    /** A list or dict of this size is about to be made or read through. */
    void items(long size) {
        if (size > limits.characters()) {
            throw new TemplateFailure("template makes a list of more than " + limits.characters() + " items");
        }
        charge(size);
    }

    void enter() {
        if (++depth > limits.depth()) {
            throw new TemplateFailure("template nests deeper than " + limits.depth() + " levels");
        }
    }

    void leave() {
        depth--;
    }
}
