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
        SORT("sort these letters : ", false),
        /** Letters backwards. */
        REVERSE("say backwards : ", false),
        /** The last of some words. */
        LAST("which is last : ", false),
        /** How many words. */
        COUNT("how many words : ", false),
        /** A fact that people know. */
        FACT("what colour is ", true),
        /** A fact that people mostly get wrong. */
        LORE("who rules ", true);

        private final String opening;
        private final boolean few;

        Kind(String opening, boolean few) {
            this.opening = opening;
            this.few = few;
        }

        /** How its requests begin; what is asked about follows. */
        String opening() {
            return opening;
        }

        /** Whether there are so few different requests that all of them come up in the training data. */
        boolean isFew() {
            return few;
        }
    }
}
