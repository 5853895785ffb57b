package org.metaapo.evaluate.arena;

/**
 * One game of a model against the baseline.
 *
 * @param question that both answered
 * @param model its name
 * @param outcome 1 where the model won, ½ for a tie, 0 where the baseline won
 * @param weight 3 for a strong verdict, else 1
 */
public record Battle(String question, String model, double outcome, int weight) {}
