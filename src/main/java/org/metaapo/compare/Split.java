package org.metaapo.compare;

import java.util.Locale;

/** The two sets of held-out prompts. */
enum Split {
    /** What the table is about. */
    TEST,
    /** What a grid's values are chosen on. */
    VALIDATION;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
