package org.metaapo.text.template;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.UnaryOperator;

/** Items made from others one by one, and only when they are asked for. */
final class Lazy implements Iterator<Object> {
    /** What the step returns for an item that is left out. */
    static final Object SKIPPED = new Object();

    private final Iterator<Object> source;
    private final UnaryOperator<Object> step;
    private Object next = SKIPPED;

    Lazy(Iterator<Object> source, UnaryOperator<Object> step) {
        this.source = source;
        this.step = step;
    }

    @Override
    public boolean hasNext() {
        while (next == SKIPPED && source.hasNext()) {
            next = step.apply(source.next());
        }
        return next != SKIPPED;
    }

    @Override
    public Object next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        Object item = next;
        next = SKIPPED;
        return item;
    }
}
