package org.metaapo.evaluate.mtbench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.Outcome;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;
import org.metaapo.text.Message;

/** MT-Bench's calls, one a turn, and the ratings that come of them. */
public final class MtBenchJudging {
    /** Tokens of an answer. */
    public static final int NEW_TOKENS = 1024;
    /** Where the official references are. */
    public static final String REFERENCES = "fastchat/llm_judge/data/mt_bench/reference_answer/gpt-4.jsonl of the repository lm-sys/FastChat";
    private static final int JUDGE_TOKENS = 2048;
    private static final int NOT_RATED = -1;
    private static final Set<String> WITH_REFERENCE = Set.of("math", "reasoning", "coding");
    private static final Map<String, Double> TEMPERATURES = Map.of(
            "writing", 0.7, "roleplay", 0.7, "stem", 0.1, "humanities", 0.1, "extraction", 0.0, "math", 0.0, "coding", 0.0, "reasoning", 0.0);
    private static final double OTHER_TEMPERATURE = 0.7;

    private final List<Turn> turns = new ArrayList<>();
    private final String prompts;

    /** A turn to be rated. */
    private record Turn(String model, int question, int number, String prompt, List<Message> messages) {}

    /** Temperature of answers to a category. */
    public static double temperature(String category) {
        return TEMPERATURES.getOrDefault(category, OTHER_TEMPERATURE);
    }

    /**
     * Fills the prompts.
     *
     * @param questions that are judged
     * @param models the answers of each
     * @param references a file of reference answers; null for none
     * @throws DataException for a question without an answer, or without the reference that its category has
     */
    public MtBenchJudging(
            List<MtBenchQuestions.Question> questions, List<List<MtBenchAnswer>> models, MtBenchPrompts prompts, Path references, boolean allowPartial) {
        Map<Integer, List<String>> known = new HashMap<>();
        if (references != null) {
            MtBenchAnswer.read(references).forEach(answer -> known.put(answer.question(), answer.turns()));
        }
        this.prompts = prompts.text() + "\n" + (references == null ? "" : StrictText.read(references));
        for (List<MtBenchAnswer> answers : models) {
            Map<Integer, MtBenchAnswer> byQuestion = new HashMap<>();
            answers.forEach(answer -> byQuestion.put(answer.question(), answer));
            List<String> missing = new ArrayList<>();
            for (MtBenchQuestions.Question question : questions) {
                MtBenchAnswer answer = byQuestion.get(question.id());
                if (answer == null || answer.turns().size() < question.turns().size()) {
                    missing.add(Integer.toString(question.id()));
                    continue;
                }
                List<String> reference = WITH_REFERENCE.contains(question.category()) ? reference(question, known) : List.of();
                for (int turn = 1; turn <= question.turns().size(); turn++) {
                    turns.add(turn(question, answer, turn, reference, prompts));
                }
            }
            if (!missing.isEmpty() && !allowPartial) {
                throw new DataException(answers.get(0).model() + ": " + missing.size() + " of " + questions.size() + " questions have no answer: "
                        + String.join(", ", missing) + "; expected all, or --allow-partial");
            }
        }
    }

    private static List<String> reference(MtBenchQuestions.Question question, Map<Integer, List<String>> known) {
        List<String> reference = known.getOrDefault(question.id(), question.reference());
        if (reference.size() < question.turns().size()) {
            throw new DataException("question " + question.id() + " of category " + question.category() + " has no reference answer; expected --reference-answers with the path of "
                    + REFERENCES);
        }
        return reference;
    }

    private static Turn turn(MtBenchQuestions.Question question, MtBenchAnswer answer, int number, List<String> reference, MtBenchPrompts prompts) {
        String name = MtBenchPrompts.name(number, !reference.isEmpty());
        Map<String, String> values = new HashMap<>();
        values.put("question", question.turns().get(0));
        values.put("answer", answer.turns().get(0));
        for (int i = 0; i < number; i++) {
            values.put("question_" + (i + 1), question.turns().get(i));
            values.put("answer_" + (i + 1), answer.turns().get(i));
            if (!reference.isEmpty()) {
                values.put("ref_answer_" + (i + 1), reference.get(i));
            }
        }
        return new Turn(answer.model(), question.id(), number, name, prompts.byName().get(name).fill(values));
    }

    /** The judge with prompts and sampling. */
    public JudgeSetup setup(JudgeSetup judge) {
        return judge.in(prompts, Map.of("max_tokens", JUDGE_TOKENS, "temperature", 0));
    }

    /** A call a turn. */
    public List<JudgeRequest> requests() {
        return turns.stream().map(turn -> new JudgeRequest(turn.messages(), JUDGE_TOKENS, 0, 0, List.of())).toList();
    }

    /** The lines of {@code <judge>_single.jsonl}. */
    public List<JsonFields> rows(List<Outcome> outcomes, JudgeSetup setup) {
        List<JsonFields> rows = new ArrayList<>();
        for (int i = 0; i < turns.size(); i++) {
            Turn turn = turns.get(i);
            Outcome outcome = outcomes.get(i);
            ObjectNode row = Json.mapper().createObjectNode().put("question_id", turn.question()).put("model", turn.model());
            row.putArray("judge").add(setup.judge()).add(turn.prompt());
            row.put("user_prompt", turn.messages().get(turn.messages().size() - 1).content());
            if (outcome.reply() == null) {
                row.putNull("judgment").put("score", NOT_RATED).put("failure", outcome.failure());
            } else {
                Double score = Rating.of(outcome.reply().text()).score();
                row.put("judgment", outcome.reply().text()).put("score", score == null ? NOT_RATED : score);
            }
            row.put("turn", turn.number()).put("tstamp", System.currentTimeMillis() / 1000.0);
            row.set(JudgeSetup.FIELD, setup.setup());
            rows.add(new JsonFields(row, turn.model() + ", question " + turn.question() + ", turn " + turn.number()));
        }
        return rows;
    }
}
