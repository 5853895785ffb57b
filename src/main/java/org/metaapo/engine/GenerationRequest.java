package org.metaapo.engine;

import java.util.Map;

/**
 * A prompt to answer while others are answered.
 *
 * @param prompt token ids, not empty
 * @param key names its random numbers, which are keyed by (seed, key, answer, position)
 * @param group of two groups with answers that wait for a place, the one with fewer running gets it; within a group the older
 *     request does. Not negative
 * @param sampling how its k answers are drawn
 * @param promptLogps also tell the log-prob of each token of the prompt but the first, given those before it
 * @param top 0 to {@link #MOST_TOP}: so many most probable tokens are told with each token
 * @param bias added to the logits of these ids for the draw; log-probs are of the model without it
 */
public record GenerationRequest(
        int[] prompt, long key, long group, Sampling sampling, boolean promptLogps, int top, Map<Integer, Float> bias) {
    /** Most of {@link #top}. */
    public static final int MOST_TOP = 20;

    /** Without bias and without anything beside the answers' tokens. */
    public GenerationRequest(int[] prompt, long key, long group, Sampling sampling) {
        this(prompt, key, group, sampling, false, 0, Map.of());
    }
}
