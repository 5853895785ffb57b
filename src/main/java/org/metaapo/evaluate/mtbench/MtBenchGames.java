package org.metaapo.evaluate.mtbench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.Marks;
import org.metaapo.evaluate.judge.Outcome;
import org.metaapo.text.Message;

/** MT-Bench's pairwise calls, two a turn, in which two models change places, and the judgments that come of them. */
public final class MtBenchGames implements MtBenchCalls {
    private final List<Turn> turns = new ArrayList<>();
    private final String prompts;

    /** A turn of two models: what the judge is told in each game. */
    private record Turn(String model1, String model2, int question, int number, String prompt, List<List<Message>> games, boolean isDoubtful) {
        private String where() {
            return model1 + " and " + model2 + ", question " + question + ", turn " + number;
        }
    }

    /**
     * Fills the prompts.
     *
     * @param questions that are judged
     * @param models the answers of each
     * @param baseline the model that all others are compared with; null for all pairs
     * @throws DataException for a question without an answer, or without the reference that its category has, or where no two models are to be compared
     */
    public MtBenchGames(
            List<MtBenchQuestions.Question> questions, List<List<MtBenchAnswer>> models, String baseline, MtBenchPrompts prompts, MtBenchReferences references,
            boolean allowPartial) {
        this.prompts = prompts.text() + "\n" + references.text();
        List<String> names = models.stream().map(answers -> answers.get(0).model()).toList();
        if (names.size() < 2 || baseline != null && !names.contains(baseline)) {
            throw new DataException("answers of " + String.join(", ", names) + "; expected those of " + (baseline == null ? "two models at least" : baseline + " and of another model"));
        }
        List<Map<Integer, MtBenchAnswer>> whole = models.stream().map(answers -> MtBenchAnswer.whole(answers, questions, allowPartial)).toList();
        for (MtBenchQuestions.Question question : questions) {
            for (int[] pair : pairs(names, baseline)) {
                MtBenchAnswer one = whole.get(pair[0]).get(question.id());
                MtBenchAnswer two = whole.get(pair[1]).get(question.id());
                for (int turn = 1; one != null && two != null && turn <= question.turns().size(); turn++) {
                    turns.add(turn(question, one, two, turn, references.of(question), prompts));
                }
            }
        }
    }

    private static List<int[]> pairs(List<String> names, String baseline) {
        List<int[]> pairs = new ArrayList<>();
        for (int one = 0; one < names.size(); one++) {
            for (int two = baseline == null ? one + 1 : 0; two < names.size(); two++) {
                if (baseline == null || names.get(two).equals(baseline) && one != two) {
                    pairs.add(new int[] {one, two});
                }
            }
        }
        return pairs;
    }

    private static Turn turn(MtBenchQuestions.Question question, MtBenchAnswer one, MtBenchAnswer two, int number, List<String> reference, MtBenchPrompts prompts) {
        String name = MtBenchMode.PAIRWISE.prompt(number, !reference.isEmpty());
        List<List<Message>> games = new ArrayList<>();
        for (boolean isOneFirst : new boolean[] {true, false}) {
            Map<String, String> values = new HashMap<>(MtBenchPrompts.values(question, number, reference));
            MtBenchPrompts.put(values, "answer_a", isOneFirst ? one : two, number);
            MtBenchPrompts.put(values, "answer_b", isOneFirst ? two : one, number);
            games.add(prompts.byName().get(name).fill(values));
        }
        Marks marks = prompts.marks();
        return new Turn(one.model(), two.model(), question.id(), number, name, games, one.holds(marks, number) || two.holds(marks, number));
    }

    @Override
    public List<String> doubtful() {
        return turns.stream().filter(Turn::isDoubtful).map(Turn::where).toList();
    }

    @Override
    public JudgeSetup setup(JudgeSetup judge) {
        return MtBenchJudging.setup(judge, prompts);
    }

    /** Two calls a turn. */
    @Override
    public List<JudgeRequest> requests() {
        return turns.stream().flatMap(turn -> turn.games().stream()).map(MtBenchJudging::request).toList();
    }

    /** The lines of {@code <judge>_pair.jsonl}. */
    @Override
    public List<JsonFields> rows(List<Outcome> outcomes, JudgeSetup setup) {
        List<JsonFields> rows = new ArrayList<>();
        for (int i = 0; i < turns.size(); i++) {
            Turn turn = turns.get(i);
            ObjectNode row = MtBenchJudging.start(turn.question(), setup, turn.prompt()).put("model_1", turn.model1()).put("model_2", turn.model2());
            for (int game = 1; game <= 2; game++) {
                Outcome outcome = outcomes.get(2 * i + game - 1);
                String reply = outcome.reply() == null ? null : outcome.reply().text();
                row.put("g" + game + "_winner", (reply == null ? PairWinner.ERROR : PairWinner.of(reply, game == 1)).id());
                row.put("g" + game + "_user_prompt", MtBenchJudging.asked(turn.games().get(game - 1))).put("g" + game + "_judgment", reply);
                if (reply == null) {
                    row.put("failure", outcome.failure());
                }
            }
            rows.add(MtBenchJudging.end(row, turn.number(), turn.isDoubtful(), setup, turn.where()));
        }
        return rows;
    }
}
