package org.metaapo.engine;

/**
 * An answer.
 *
 * @param tokens ids, with the stop token where there is one
 * @param stopped whether a stop token ended it; otherwise it was cut by length
 * @param logp log-prob sum under the model itself (temperature 1, unfiltered)
 */
public record GeneratedAnswer(int[] tokens, boolean stopped, double logp) {}
