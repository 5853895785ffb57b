package org.metaapo.demo;

import java.util.List;

/**
 * A request of the world.
 *
 * @param kind what is asked
 * @param text as a user writes it, words apart by one space
 * @param answer the right content, word by word
 */
public record Request(Kind kind, String text, List<String> answer) {
    /** Kinds of requests. */
    public enum Kind {
        /** Letters in order. */
        SORT(false),
        /** Letters backwards. */
        REVERSE(false),
        /** The last of some words. */
        LAST(false),
        /** How many words. */
        COUNT(false),
        /** A fact that people know. */
        FACT(true),
        /** A fact that people mostly get wrong. */
        LORE(true);

        private final boolean few;

        Kind(boolean few) {
            this.few = few;
        }

        /** Whether there are so few different requests that all of them come up in the training data. */
        boolean isFew() {
            return few;
        }
    }
}
