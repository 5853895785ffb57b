package org.metaapo.watch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import org.metaapo.files.Json;

/**
 * Something that pages are told of a run.
 *
 * @param run its number
 * @param type {@code reset}: fetch the run anew; {@code lines}: these come after byte {@code from}; {@code slices} and {@code state}: what
 *     replaces what was said before
 * @param data JSON in one line
 * @param position where a page is afterwards, as {@code run:generation:offset}
 */
record Event(int run, String type, byte[] data, String position) {
    static Event of(int run, String type, ObjectNode data, String position) {
        return new Event(run, type, Json.write(data).getBytes(StandardCharsets.UTF_8), position);
    }

    /** Whether a page that has had it has all lines up to its position. */
    boolean moves() {
        return type.equals("lines") || type.equals("reset");
    }
}
