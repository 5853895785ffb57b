package org.metaapo.engine;

/**
 * A token that a step has made, or one of a prompt whose log-probs were asked for.
 *
 * @param request number of its request
 * @param answer of the request's k, or {@link #PROMPT}
 * @param id the token
 * @param finish whether the answer goes on behind it
 * @param logp under the model itself (temperature 1, unfiltered, without bias)
 * @param topIds the most probable tokens in its place, the first one first; as many as asked for
 * @param topLogps their log-probs, the same number as {@code logp} for the same token
 */
public record GeneratedToken(long request, int answer, int id, Finish finish, float logp, int[] topIds, float[] topLogps) {
    /** In place of an answer: the token is the prompt's. */
    public static final int PROMPT = -1;

    /** What comes behind a token. */
    public enum Finish {
        /** More. */
        GOES_ON,
        /** Nothing: it is a stop token. */
        STOPPED,
        /** Nothing: the answer is as long as it may be. */
        CUT,
        /** Nothing: the log-prob is NaN or infinite, for weights or activations are. */
        NOT_FINITE;

        private static final Finish[] ALL = values();

        /** Of an {@code apo_finish}, which counts from -1. */
        static Finish of(int code) {
            return ALL[code + 1];
        }
    }
}
