package org.metaapo.evaluate.arena;

/**
 * A bootstrap.
 *
 * @param rounds how often rows are drawn
 * @param seed of the drawing, as in {@link org.metaapo.statistics.RowBootstrap}
 */
public record Resamples(int rounds, long seed) {}
