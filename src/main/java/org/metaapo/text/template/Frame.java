package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The names of one block as its source mentions them. jinja2 makes a name that a block assigns before it reads it a variable
 * of that block from the block's start, so that blocks inside of it find it undefined, not the value given to the template.
 */
final class Frame {
    private final Frame outer;
    private final Set<String> mentioned = new HashSet<>();
    private final Set<String> assignedFirst = new LinkedHashSet<>();
    private final List<Frame> inner = new ArrayList<>();

    Frame(Frame outer) {
        this.outer = outer;
        if (outer != null) {
            outer.inner.add(this);
        }
    }

    Frame outer() {
        return outer;
    }

    /** A parameter, a loop's target, or a name that is read. */
    void mention(String name) {
        mentioned.add(name);
    }

    /** @param conditional within an if of this block */
    void assign(String name, boolean conditional) {
        if (mentioned.add(name) && !conditional) {
            assignedFirst.add(name);
        }
    }

    /** Leaves out names that a block around mentions; to be called for the outermost block when all is read. */
    void close() {
        for (Frame at = outer; at != null; at = at.outer) {
            assignedFirst.removeAll(at.mentioned);
        }
        inner.forEach(Frame::close);
    }

    /** Names that are undefined at the block's start. */
    Set<String> hidden() {
        return assignedFirst;
    }
}
