package org.metaapo.rollout;

import org.metaapo.error.UsageException;

/** What the values of sampling may be, wherever a person gives them; {@code name} says where. */
public final class SamplingChecks {
    private SamplingChecks() {}

    /** A temperature. */
    public static double temperature(String name, double value) {
        require(value > 0 && Double.isFinite(value), name + " is " + value + "; expected a positive number");
        return value;
    }

    /** The mass of the tokens that are drawn from. */
    public static double topP(String name, double value) {
        require(value > 0 && value <= 1, name + " is " + value + "; expected more than 0 and at most 1");
        return value;
    }

    /** How many tokens are drawn from. */
    public static int topK(String name, int value) {
        require(value >= 0, name + " is " + value + "; expected 0 or more");
        return value;
    }

    /** Tokens of an answer. */
    public static int maxNewTokens(String name, int value) {
        require(value >= 1, name + " is " + value + "; expected 1 or more");
        return value;
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new UsageException(message);
        }
    }
}
