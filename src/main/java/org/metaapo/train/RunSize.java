package org.metaapo.train;

/**
 * How large a run is.
 *
 * @param rows rows of data that are left
 * @param tokens tokens of an epoch, offline pairs only
 * @param steps optimizer steps of all epochs
 * @param longestPack tokens of the longest pack that can come up
 * @param maxTokens tokens of the largest forward and backward
 * @param hasReference whether a reference model is held too
 */
public record RunSize(int rows, long tokens, long steps, long longestPack, long maxTokens, boolean hasReference) {}
