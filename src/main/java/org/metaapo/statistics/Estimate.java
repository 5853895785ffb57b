package org.metaapo.statistics;

/**
 * A mean with its 95 % interval.
 *
 * @param mean of all values
 * @param low lower end of the interval
 * @param high upper end of the interval
 */
public record Estimate(double mean, double low, double high) {}
