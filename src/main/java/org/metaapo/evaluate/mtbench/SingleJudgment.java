package org.metaapo.evaluate.mtbench;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.Repeats;
import org.metaapo.files.Json;

/**
 * The rating of one turn of an answer, a line of {@code <judge>_single.jsonl}.
 *
 * @param question its id
 * @param model whose answer it is
 * @param turn 1 or 2
 * @param judge who judged
 * @param score from 1 to 10; null where there is none
 * @param isReplied whether the judge said anything
 * @param isConflicting whether its reply has several numbers that differ
 * @param row as it stands in the file
 */
public record SingleJudgment(
        int question, String model, int turn, JudgeSetup judge, Double score, boolean isReplied, boolean isConflicting, JsonFields row) {
    /** What the official program writes in place of a reply that did not come. */
    static final String FAILED_REPLY = "$ERROR$";

    /** All lines of a file, which may be of several models but of one judge. */
    public static List<SingleJudgment> read(Path file) {
        List<SingleJudgment> rows = JsonFields.lines(file).stream().map(SingleJudgment::of).toList();
        rows.forEach(row -> rows.get(0).judge().same(row.judge(), row.row().where()));
        return rows;
    }

    /**
     * Of a row. The score is read from the reply where the row has it.
     *
     * @throws DataException if the row has another score than its reply
     */
    public static SingleJudgment of(JsonFields row) {
        int turn = row.whole("turn");
        if (turn != 1 && turn != 2) {
            throw new DataException(row.where() + ": turn is " + turn + "; expected 1 or 2");
        }
        Double stored = row.numberOrNull("score");
        Double score = stored != null && Rating.isScore(stored) ? stored : null;
        String reply = row.textOrNull("judgment");
        boolean isReplied = reply == null ? stored != null && stored >= 0 : !reply.isEmpty() && !reply.equals(FAILED_REPLY);
        Rating rating = reply == null ? new Rating(score, null, false) : Rating.of(reply);
        if (reply != null && score != null && !score.equals(rating.score())) {
            throw new DataException(row.where() + ": score is " + stored + ", its judgment says " + rating.written() + "; expected the same");
        }
        return new SingleJudgment(row.whole("question_id"), row.text("model"), turn, judge(row), rating.score(), isReplied, rating.isConflicting(), row);
    }

    /** What its repeats have in common: the same answers by the same judge. */
    public Repeats.Judged judged() {
        return new Repeats.Judged(model, question + ", turn " + turn, row.textOrNull("user_prompt"), judge, row);
    }

    /** A list of the judge's name and its prompt's, which depends on the question, or the name alone. */
    static JudgeSetup judge(JsonFields row) {
        JsonNode judge = row.node().path("judge");
        String name = judge.isArray() ? judge.path(0).textValue() : judge.textValue();
        if (name == null) {
            throw new DataException(row.where() + ": judge is " + Json.describe(judge) + "; expected a list of its name and its prompt's");
        }
        return JudgeSetup.of(row, name);
    }
}
