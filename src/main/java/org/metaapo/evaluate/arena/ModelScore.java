package org.metaapo.evaluate.arena;

/**
 * A model's score with the interval of its bootstrap.
 *
 * @param model its name
 * @param point of the battles as they are
 * @param printed what the official program prints: the bootstrap's mean or median, or the point
 * @param low lower end of the interval
 * @param high upper end
 * @param battles that it is made of, strong ones counted three times
 */
public record ModelScore(String model, double point, double printed, double low, double high, int battles) {}
