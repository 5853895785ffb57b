package org.metaapo.engine;

/**
 * What a generator is doing.
 *
 * @param requests submitted and not over
 * @param running answers that have a place
 * @param waiting answers that have none yet
 * @param places answers that run together at most
 * @param pages of the KV cache
 * @param freePages of them
 * @param pageTokens tokens on a page
 */
public record GeneratorState(int requests, int running, int waiting, int places, long pages, long freePages, int pageTokens) {}
