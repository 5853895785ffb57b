package org.metaapo.reward;

/** What becomes of an answer whose conversation is longer than a local reward model reads: the key {@code reward.overlong}. */
public enum Overlong {
    /** It has no reward, and is left out. */
    DROP,
    /** The prompt loses tokens at its start; an answer that alone is too long is left out. */
    CUT,
    /** An error. */
    STOP
}
