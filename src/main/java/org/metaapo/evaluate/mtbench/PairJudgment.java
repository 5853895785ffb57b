package org.metaapo.evaluate.mtbench;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.Repeats;

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
 * @param isReplied whether the judge said anything in both
 * @param conflicts games whose reply names several winners
 * @param row as it stands in the file
 */
public record PairJudgment(
        int question, String model1, String model2, int turn, JudgeSetup judge, PairWinner first, PairWinner second,
        boolean isReplied, int conflicts, JsonFields row) {
    /** All lines of a file, of one judge. */
    public static List<PairJudgment> read(Path file) {
        List<PairJudgment> rows = JsonFields.lines(file).stream().map(PairJudgment::of).toList();
        rows.forEach(row -> rows.get(0).judge().same(row.judge(), row.row().where()));
        return rows;
    }

    /** Of a row; a DataException where a winner is not the one that the game's reply names. */
    public static PairJudgment of(JsonFields row) {
        PairWinner first = winner(row, 1);
        PairWinner second = winner(row, 2);
        List<String> replies = Stream.of("g1_judgment", "g2_judgment").map(row::textOrNull).filter(Objects::nonNull).toList();
        boolean isReplied = row.isAbsent("failure") && replies.stream().noneMatch(reply -> reply.isEmpty() || reply.equals(SingleJudgment.FAILED_REPLY));
        return new PairJudgment(row.whole("question_id"), row.text("model_1"), row.text("model_2"), row.whole("turn"), SingleJudgment.judge(row), first, second,
                isReplied, (int) replies.stream().filter(PairWinner::isConflicting).count(), row);
    }

    private static PairWinner winner(JsonFields row, int game) {
        String field = "g" + game + "_winner";
        String text = row.text(field);
        PairWinner stored = Arrays.stream(PairWinner.values()).filter(winner -> winner.id().equals(text)).findFirst().orElseThrow(() ->
                new DataException(row.where() + ": " + field + " is " + text + "; expected model_1, model_2, tie or error"));
        String reply = row.textOrNull("g" + game + "_judgment");
        PairWinner told = reply == null ? PairWinner.ERROR : PairWinner.of(reply, game == 1);
        // Prompts that ask for two ratings have a winner without a label.
        if (told != PairWinner.ERROR && told != stored) {
            throw new DataException(row.where() + ": " + field + " is " + text + ", its judgment says " + told.id() + "; expected the same");
        }
        return stored;
    }

    /** What its repeats have in common: the same answers by the same judge. */
    public Repeats.Judged judged() {
        return new Repeats.Judged(model1 + " and " + model2, question + ", turn " + turn, row.textOrNull("g1_user_prompt"), judge, row);
    }

    /** What a game is worth to a model that is one of the two: 1, ½ or 0; null without a winner. */
    public Double outcome(String model, int game) {
        PairWinner winner = game == 1 ? first : second;
        return switch (winner) {
            case ERROR -> null;
            case TIE -> 0.5;
            default -> winner == (model.equals(model1) ? PairWinner.MODEL_1 : PairWinner.MODEL_2) ? 1.0 : 0.0;
        };
    }

    /** What a game is worth where the model is shown first, or second. */
    public Double outcomeAt(String model, boolean isFirst) {
        return outcome(model, model.equals(model1) == isFirst ? 1 : 2);
    }

    /** Whether a model is one of the two. */
    public boolean isOf(String model) {
        return model.equals(model1) || model.equals(model2);
    }

    /** The winner: whom both games name, else a tie; ERROR where one of them is. */
    public PairWinner winner() {
        if (first == PairWinner.ERROR || second == PairWinner.ERROR) {
            return PairWinner.ERROR;
        }
        return first == second ? first : PairWinner.TIE;
    }
}
