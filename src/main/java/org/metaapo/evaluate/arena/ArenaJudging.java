package org.metaapo.evaluate.arena;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.Marks;
import org.metaapo.evaluate.judge.Outcome;
import org.metaapo.files.Json;
import org.metaapo.text.Message;

/** Arena-Hard's calls, two games a question, and the judgments that come of them. */
public final class ArenaJudging {
    private static final int NEW_TOKENS = 16_000;
    private static final int OLD_TOKENS = 4096;
    private static final int MOST_LISTED = 3;
    /** What an unfinished judge of v0.1 is told once. */
    private static final String ONCE_MORE = "Go on with the judgment, and end it with one of the labels of the verdict.";

    private final List<Pair> pairs = new ArrayList<>();
    private final ArenaPrompts prompts;
    private final ArenaVersion version;
    private final Marks marks;

    /** Both answers to a question. */
    private record Pair(ArenaQuestions.Question question, String model, String baseline, String answer, String baselineAnswer) {
        private String where() {
            return model + ", question " + question.id();
        }
    }

    /**
     * Brings answers together.
     *
     * @param questions that are judged
     * @param answers of each model and of the baselines, by model and question
     * @param models that are judged
     * @param baseline of a category
     * @throws DataException that lists questions without an answer, or names a category without a prompt
     */
    public ArenaJudging(
            List<ArenaQuestions.Question> questions, Map<String, Map<String, String>> answers, List<String> models, Function<String, String> baseline,
            ArenaPrompts prompts, ArenaVersion version, boolean allowPartial) {
        this.prompts = prompts;
        this.version = version;
        this.marks = prompts.marks();
        for (String model : models) {
            List<String> missing = new ArrayList<>();
            for (ArenaQuestions.Question question : questions) {
                String base = baseline.apply(question.category());
                if (!prompts.systems().containsKey(question.category())) {
                    throw new DataException("category " + question.category() + ": no system_prompt; expected one in " + ArenaPrompts.SETTINGS);
                }
                String theirs = answers.getOrDefault(base, Map.of()).get(question.id());
                if (theirs == null) {
                    throw new DataException("--answers: no answer of the baseline " + base + " to question " + question.id() + " of category " + question.category()
                            + "; expected the path of data/" + (version == ArenaVersion.V01 ? "arena-hard-v0.1" : "arena-hard-v2.0") + "/model_answer/" + base
                            + ".jsonl of the dataset lmarena-ai/arena-hard-auto");
                }
                String own = answers.getOrDefault(model, Map.of()).get(question.id());
                if (own == null) {
                    missing.add(question.id());
                } else if (!model.equals(base)) {
                    pairs.add(new Pair(question, model, base, own, theirs));
                }
            }
            if (!missing.isEmpty() && !allowPartial) {
                throw new DataException(model + ": " + missing.size() + " of " + questions.size() + " questions have no answer: "
                        + String.join(", ", missing.subList(0, Math.min(MOST_LISTED, missing.size()))) + (missing.size() > MOST_LISTED ? ", …" : "")
                        + "; expected all, or --allow-partial");
            }
        }
        if (pairs.isEmpty()) {
            throw new DataException("--answers: no answers of a model beside the baseline's; expected the file of the model that is judged");
        }
    }

    private boolean isDoubtful(Pair pair) {
        return marks.areIn(pair.answer()) || marks.areIn(pair.baselineAnswer());
    }

    /** Where an answer holds a line that parts what the judge is shown. */
    public List<String> doubtful() {
        return pairs.stream().filter(this::isDoubtful).map(Pair::where).toList();
    }

    /** The judge with prompts and sampling. */
    public JudgeSetup setup(JudgeSetup judge) {
        return judge.in(prompts.text(), Map.of("max_tokens", maxTokens(), "temperature", 0, "protocol", version.toString()));
    }

    private int maxTokens() {
        return version == ArenaVersion.V01 ? OLD_TOKENS : NEW_TOKENS;
    }

    /** Game 0, where A is the baseline's answer, and game 1, of each pair. */
    public List<JudgeRequest> requests() {
        List<JudgeRequest> requests = new ArrayList<>();
        for (Pair pair : pairs) {
            requests.add(request(turns(pair, 0)));
            requests.add(request(turns(pair, 1)));
        }
        return requests;
    }

    private JudgeRequest request(List<Message> turns) {
        return new JudgeRequest(turns, maxTokens(), 0, 0, List.of());
    }

    private List<Message> turns(Pair pair, int game) {
        boolean isModelFirst = game == 1;
        return prompts.fill(pair.question().category(), pair.question().prompt(), isModelFirst ? pair.answer() : pair.baselineAnswer(),
                isModelFirst ? pair.baselineAnswer() : pair.answer());
    }

    /**
     * v0.1 asks once more where there is no label: these calls, in the place of each of {@link #requests} that need one, else null.
     *
     * @param outcomes of the first calls
     */
    public List<JudgeRequest> again(List<Outcome> outcomes) {
        List<JudgeRequest> again = new ArrayList<>();
        for (int i = 0; i < outcomes.size(); i++) {
            String reply = outcomes.get(i).reply() == null ? null : outcomes.get(i).reply().text();
            Verdict.Reading reading = reply == null ? null : Verdict.read(reply, version);
            boolean isNeeded = version == ArenaVersion.V01 && reading != null && reading.label() == null && !reading.isConflicting();
            if (isNeeded) {
                List<Message> turns = new ArrayList<>(turns(pairs.get(i / 2), i % 2));
                turns.add(new Message("assistant", reply));
                turns.add(new Message("user", ONCE_MORE));
                again.add(request(turns));
            } else {
                again.add(null);
            }
        }
        return again;
    }

    /**
     * The lines of each model's file.
     *
     * @param outcomes of the first calls
     * @param again of the second ones, null where there was none
     */
    public Map<String, List<JsonFields>> rows(List<Outcome> outcomes, List<Outcome> again, JudgeSetup setup) {
        Map<String, List<JsonFields>> rows = new LinkedHashMap<>();
        for (int i = 0; i < pairs.size(); i++) {
            Pair pair = pairs.get(i);
            boolean isOld = version == ArenaVersion.V01;
            ObjectNode row = Json.mapper().createObjectNode().put(isOld ? "question_id" : "uid", pair.question().id()).put("category", pair.question().category())
                    .put("judge", setup.judge()).put("model", pair.model()).put("baseline", pair.baseline());
            ArrayNode games = row.putArray("games");
            for (int game = 0; game < 2; game++) {
                game(games.addObject(), turns(pair, game), outcomes.get(2 * i + game), again.get(2 * i + game));
            }
            if (isDoubtful(pair)) {
                row.put("holds_marks", true);
            }
            row.set(JudgeSetup.FIELD, setup.setup());
            rows.computeIfAbsent(pair.model(), model -> new ArrayList<>()).add(new JsonFields(row, pair.where()));
        }
        return rows;
    }

    private void game(ObjectNode game, List<Message> turns, Outcome first, Outcome again) {
        boolean isFailed = first.reply() == null || again != null && again.reply() == null;
        String reply = isFailed ? "" : first.reply().text() + (again == null ? "" : "\n" + again.reply().text());
        String label = isFailed ? null : Verdict.read(reply, version).label();
        game.put("score", label != null && Verdict.of(label, version).isPresent() ? label : null);
        if (version == ArenaVersion.V01) {
            game.put("user_prompt", turns.get(1).content()).put("judgment", reply);
        } else {
            game.putObject("judgment").put("answer", reply);
            game.set("prompt", Json.mapper().valueToTree(turns.stream().map(Message::fields).toList()));
        }
        if (isFailed) {
            game.put("failure", first.reply() == null ? first.failure() : again.failure());
        }
    }
}
