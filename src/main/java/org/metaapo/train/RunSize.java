package org.metaapo.train;

/**
 * How large a run is.
 *
 * @param rows rows of data that are left
 * @param tokens tokens of an epoch, offline pairs only
 * @param steps optimizer steps of all epochs
 * @param longestPack tokens of the longest pack that can come up
 * @param parameters of the policy
 * @param memory bytes on the device
 */
public record RunSize(int rows, long tokens, long steps, long longestPack, long parameters, RunMemory memory) {}
