package org.metaapo.engine;

/**
 * How answers are drawn.
 *
 * @param k answers a prompt
 * @param maxNewTokens longest answer, stop token included
 * @param greedy the most probable token each time; the next three are then not used
 * @param topK the k most probable tokens; 0 for all
 * @param topP the most probable tokens of this mass, in (0, 1]
 * @param temperature positive
 * @param seed of the random numbers, which are keyed by (seed, prompt key, answer, position)
 * @param stopIds tokens that end an answer and are part of it
 */
public record Sampling(
        int k, int maxNewTokens, boolean greedy, int topK, double topP, double temperature, long seed, int[] stopIds) {}
