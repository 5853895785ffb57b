package org.metaapo.inspect;

import java.util.ArrayList;
import java.util.List;

/** Counts something and remembers where it was first seen. */
final class Tally {
    private static final int EXAMPLES = 5;

    private final List<String> examples = new ArrayList<>();
    private long count;

    void add(String where) {
        count++;
        if (examples.size() < EXAMPLES) {
            examples.add(where);
        }
    }

    /** More of it, at no place that is known. */
    void add(int more) {
        count += more;
    }

    long count() {
        return count;
    }

    /** Where the first few are: file and row. */
    List<String> examples() {
        return List.copyOf(examples);
    }
}
