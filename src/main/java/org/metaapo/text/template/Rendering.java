package org.metaapo.text.template;

import java.util.List;

/**
 * What a template wrote.
 *
 * @param text the whole output
 * @param generated the parts that {@code {% generation %}} blocks marked as written by the assistant, in order
 * @param unplaced line and column of the first {@code generation} block whose part is not known, since a macro, a
 *     {@code set} or a {@code filter} block took its output; null when all parts are known
 */
public record Rendering(String text, List<Span> generated, String unplaced) {
    /** Keeps its own copy of the list. */
    public Rendering {
        generated = List.copyOf(generated);
    }

    /**
     * A part of the output.
     *
     * @param start first UTF-16 unit
     * @param end one past the last UTF-16 unit
     */
    public record Span(int start, int end) {}
}
