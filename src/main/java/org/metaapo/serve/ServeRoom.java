package org.metaapo.serve;

/**
 * How much a server takes on.
 *
 * @param sequences answers written at once
 * @param cacheTokens of the KV cache, prompts and answers together; 0: as many as half of the free memory holds, not more than
 *     {@code sequences} of the model's length, and on a CPU not more than 2 GiB hold, or one of the model's length
 * @param queue requests that may wait beside {@code sequences} that run
 * @param newTokens of an answer, where a request sets no bound
 * @param seed from which requests without one get theirs
 */
public record ServeRoom(int sequences, long cacheTokens, int queue, int newTokens, long seed) {}
