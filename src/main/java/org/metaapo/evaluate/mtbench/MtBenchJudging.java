package org.metaapo.evaluate.mtbench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.Outcome;
import org.metaapo.files.Json;
import org.metaapo.text.Message;

/** MT-Bench's calls, one a turn, and the ratings that come of them. */
public final class MtBenchJudging implements MtBenchCalls {
    /** Tokens of an answer. */
    public static final int NEW_TOKENS = 1024;
    private static final int JUDGE_TOKENS = 2048;
    private static final int NOT_RATED = -1;
    private static final Map<String, Double> TEMPERATURES = Map.of(
            "writing", 0.7, "roleplay", 0.7, "stem", 0.1, "humanities", 0.1, "extraction", 0.0, "math", 0.0, "coding", 0.0, "reasoning", 0.0);
    private static final double OTHER_TEMPERATURE = 0.7;

    private final List<Turn> turns = new ArrayList<>();
    private final String prompts;

    /** A turn to be rated. */
    private record Turn(String model, int question, int number, String prompt, List<Message> messages, boolean isDoubtful) {
        private String where() {
            return model + ", question " + question + ", turn " + number;
        }
    }

    /** Temperature of answers to a category. */
    public static double temperature(String category) {
        return TEMPERATURES.getOrDefault(category, OTHER_TEMPERATURE);
    }

    /**
     * Fills the prompts.
     *
     * @param questions that are judged
     * @param models the answers of each
     * @throws DataException for a question without an answer, or without the reference that its category has
     */
    public MtBenchJudging(
            List<MtBenchQuestions.Question> questions, List<List<MtBenchAnswer>> models, MtBenchPrompts prompts, MtBenchReferences references, boolean allowPartial) {
        this.prompts = prompts.text() + "\n" + references.text();
        for (List<MtBenchAnswer> answers : models) {
            Map<Integer, MtBenchAnswer> whole = MtBenchAnswer.whole(answers, questions, allowPartial);
            for (MtBenchQuestions.Question question : questions) {
                if (whole.containsKey(question.id())) {
                    for (int turn = 1; turn <= question.turns().size(); turn++) {
                        turns.add(turn(question, whole.get(question.id()), turn, references.of(question), prompts));
                    }
                }
            }
        }
    }

    private static Turn turn(MtBenchQuestions.Question question, MtBenchAnswer answer, int number, List<String> reference, MtBenchPrompts prompts) {
        String name = MtBenchMode.SINGLE.prompt(number, !reference.isEmpty());
        Map<String, String> values = MtBenchPrompts.values(question, number, reference);
        MtBenchPrompts.put(values, "answer", answer, number);
        return new Turn(answer.model(), question.id(), number, name, prompts.byName().get(name).fill(values), answer.holds(prompts.marks(), number));
    }

    @Override
    public List<String> doubtful() {
        return turns.stream().filter(Turn::isDoubtful).map(Turn::where).toList();
    }

    @Override
    public JudgeSetup setup(JudgeSetup judge) {
        return setup(judge, prompts);
    }

    static JudgeSetup setup(JudgeSetup judge, String prompts) {
        return judge.in(prompts, Map.of("max_tokens", JUDGE_TOKENS, "temperature", 0));
    }

    static JudgeRequest request(List<Message> messages) {
        return new JudgeRequest(messages, JUDGE_TOKENS, 0, 0, List.of());
    }

    static String asked(List<Message> messages) {
        return messages.get(messages.size() - 1).content();
    }

    /** A row's first fields. */
    static ObjectNode start(int question, JudgeSetup setup, String prompt) {
        ObjectNode row = Json.mapper().createObjectNode().put("question_id", question);
        row.putArray("judge").add(setup.judge()).add(prompt);
        return row;
    }

    /** A row with its last fields. */
    static JsonFields end(ObjectNode row, int turn, boolean isDoubtful, JudgeSetup setup, String where) {
        if (isDoubtful) {
            row.put("holds_marks", true);
        }
        row.put("turn", turn).put("tstamp", System.currentTimeMillis() / 1000.0);
        row.set(JudgeSetup.FIELD, setup.setup());
        return new JsonFields(row, where);
    }

    /** A call a turn. */
    @Override
    public List<JudgeRequest> requests() {
        return turns.stream().map(turn -> request(turn.messages())).toList();
    }

    /** The lines of {@code <judge>_single.jsonl}. */
    @Override
    public List<JsonFields> rows(List<Outcome> outcomes, JudgeSetup setup) {
        List<JsonFields> rows = new ArrayList<>();
        for (int i = 0; i < turns.size(); i++) {
            Turn turn = turns.get(i);
            Outcome outcome = outcomes.get(i);
            ObjectNode row = start(turn.question(), setup, turn.prompt()).put("model", turn.model()).put("user_prompt", asked(turn.messages()));
            if (outcome.reply() == null) {
                row.putNull("judgment").put("score", NOT_RATED).put("failure", outcome.failure());
            } else {
                Double score = Rating.of(outcome.reply().text()).score();
                row.put("judgment", outcome.reply().text()).put("score", score == null ? NOT_RATED : score);
            }
            rows.add(end(row, turn.number(), turn.isDoubtful(), setup, turn.where()));
        }
        return rows;
    }
}
