package org.metaapo.rollout;

/**
 * How it is decided which prompts are sampled online.
 *
 * @param kind the rule
 * @param threshold of {@link Kind#RANDOM} and {@link Kind#THRESHOLD}
 */
public record Decision(Kind kind, double threshold) {
    /** Rules. */
    public enum Kind {
        /** u &gt; w, MetaAPO's. */
        ADAPTIVE,
        /** Every prompt. */
        ALL,
        /** u &gt; threshold. */
        RANDOM,
        /** w &lt; threshold. */
        THRESHOLD,
        /** No prompt. */
        NONE
    }

    /** Every prompt. */
    public static final Decision ALL = new Decision(Kind.ALL, 0);

    /** Whether a row of weight {@code w} is sampled, given its uniform number. */
    public boolean samples(double w, double u) {
        return switch (kind) {
            case ADAPTIVE -> u > w;
            case ALL -> true;
            case RANDOM -> u > threshold;
            case THRESHOLD -> w < threshold;
            case NONE -> false;
        };
    }
}
