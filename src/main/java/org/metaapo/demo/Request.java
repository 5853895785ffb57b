package org.metaapo.demo;

import java.util.List;

/**
 * A request of the world.
 *
 * @param kind what is asked
 * @param text as a user writes it, words apart by one space
 * @param answer the right content, word by word
 */
record Request(Kind kind, String text, List<String> answer) {
    /** Kinds of requests. */
    enum Kind {
        /** Letters in order. */
        SORT(true),
        /** Letters backwards. */
        REVERSE(false),
        /** The last of some words. */
        LAST(false),
        /** How many words. */
        COUNT(true),
        /** A fact to know. */
        FACT(false);

        private final boolean stale;

        Kind(boolean stale) {
            this.stale = stale;
        }

        /** Whether the offline source prefers what was right once: its chosen answers are wrong today. */
        boolean stale() {
            return stale;
        }
    }
}
