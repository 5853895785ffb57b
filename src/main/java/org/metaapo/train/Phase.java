package org.metaapo.train;

import java.util.Locale;

/** What a run is at, as its lines of kind {@code phase} say. */
enum Phase {
    /** Log-prob sums under the reference. */
    REFERENCES("reference log-probs"),
    /** Log-prob sums of a slice's pairs under the policy. */
    SCORING("scoring"),
    /** Answers of the policy, and in recipe xpo of the reference. */
    SAMPLING("sampling"),
    /** Rewards of the answers. */
    RANKING("ranking"),
    /** Optimizer steps. */
    TRAINING("training"),
    /** Held-out rows. */
    EVALUATING("evaluating"),
    /** A checkpoint, or the result. */
    SAVING("writing the model");

    private final String begins;

    Phase(String begins) {
        this.begins = begins;
    }

    /** The phase of a part that {@link RunListener#begin} names; null for one that is none, such as the loading of models. */
    static Phase of(String part) {
        for (Phase phase : values()) {
            if (part.startsWith(phase.begins)) {
                return phase;
            }
        }
        return null;
    }

    /** Its name in a line. */
    String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
