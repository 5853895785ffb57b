package org.metaapo.evaluate.mtbench;

/**
 * The rating of one turn of an answer.
 *
 * @param question its id
 * @param model whose answer it is
 * @param turn 1 or 2
 * @param score from 1 to 10; null where there is none
 * @param isUnparsed whether the judge replied, but not with a score
 * @param isConflicting whether its reply has several numbers
 * @param where the line, for messages
 */
public record SingleJudgment(int question, String model, int turn, Double score, boolean isUnparsed, boolean isConflicting, String where) {}
