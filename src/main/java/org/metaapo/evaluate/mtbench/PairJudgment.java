package org.metaapo.evaluate.mtbench;

/**
 * Both games of a turn: model 1 is shown first in the first game, second in the second.
 *
 * @param question its id
 * @param model1 a model
 * @param model2 the other
 * @param turn 1 or 2
 * @param first winner of the first game
 * @param second winner of the second
 * @param where the line, for messages
 */
public record PairJudgment(int question, String model1, String model2, int turn, PairWinner first, PairWinner second, String where) {
    /** The winner: whom both games name, else a tie; ERROR where one of them is. */
    public PairWinner winner() {
        if (first == PairWinner.ERROR || second == PairWinner.ERROR) {
            return PairWinner.ERROR;
        }
        return first == second ? first : PairWinner.TIE;
    }
}
