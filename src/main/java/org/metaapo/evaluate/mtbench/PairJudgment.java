package org.metaapo.evaluate.mtbench;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;

/**
 * Both games of a turn, a line of {@code <judge>_pair.jsonl}: model 1 is shown first in the first game, second in the second.
 *
 * @param question its id
 * @param model1 a model
 * @param model2 the other
 * @param turn 1 or 2
 * @param judge who judged
 * @param first winner of the first game
 * @param second winner of the second
 * @param row as it stands in the file
 */
public record PairJudgment(
        int question, String model1, String model2, int turn, JudgeSetup judge, PairWinner first, PairWinner second, JsonFields row) {
    /** All lines of a file, of one judge. */
    public static List<PairJudgment> read(Path file) {
        List<PairJudgment> rows = JsonFields.lines(file).stream().map(row -> new PairJudgment(
                row.whole("question_id"), row.text("model_1"), row.text("model_2"), row.whole("turn"), SingleJudgment.judge(row),
                winner(row, "g1_winner"), winner(row, "g2_winner"), row)).toList();
        rows.forEach(row -> rows.get(0).judge().same(row.judge(), row.row().where()));
        return rows;
    }

    private static PairWinner winner(JsonFields row, String field) {
        String text = row.text(field);
        return Arrays.stream(PairWinner.values()).filter(winner -> winner.id().equals(text)).findFirst().orElseThrow(() ->
                new DataException(row.where() + ": " + field + " is " + text + "; expected model_1, model_2, tie or error"));
    }

    /** The winner: whom both games name, else a tie; ERROR where one of them is. */
    public PairWinner winner() {
        if (first == PairWinner.ERROR || second == PairWinner.ERROR) {
            return PairWinner.ERROR;
        }
        return first == second ? first : PairWinner.TIE;
    }
}
