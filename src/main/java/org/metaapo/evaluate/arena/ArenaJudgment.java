package org.metaapo.evaluate.arena;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.Repeats;
import org.metaapo.files.Json;

/**
 * Both games of a question: in game 0 the baseline's answer is A, in game 1 the model's.
 *
 * @param question its id
 * @param category of the question; {@link #OLD_CATEGORY} in files of v0.1
 * @param judge who judged
 * @param model whose answer is judged
 * @param baseline that it is judged against
 * @param labels what the judge said in each game; null where it did not
 * @param replied whether the judge replied in each game
 * @param conflicts games whose reply has several labels that differ
 * @param row as it stands in the file
 */
public record ArenaJudgment(
        String question, String category, JudgeSetup judge, String model, String baseline, List<String> labels, List<Boolean> replied,
        int conflicts, JsonFields row) {
    static final String OLD_CATEGORY = "arena-hard-v0.1";
    private static final int GAMES = 2;

    /**
     * The judgments of one model by one judge.
     *
     * @param version whose verdicts are read where a row has replies alone
     * @param baseline of rows that do not name it
     * @throws DataException for two models or judges, or a question that occurs twice
     */
    public static List<ArenaJudgment> read(Path file, ArenaVersion version, String baseline) {
        List<ArenaJudgment> rows = JsonFields.lines(file).stream().map(row -> of(row, version, baseline)).toList();
        ArenaJudgment first = rows.get(0);
        Set<String> seen = new HashSet<>();
        for (ArenaJudgment row : rows) {
            if (!row.model().equals(first.model())) {
                throw new DataException(row.row().where() + ": model " + row.model() + ", rows before it have " + first.model() + "; expected the judgments of one model");
            }
            first.judge().same(row.judge(), row.row().where());
            if (!seen.add(row.question())) {
                throw new DataException(row.row().where() + ": question " + row.question() + " again; expected each once");
            }
        }
        return rows;
    }

    /** Of a row of either version's files. */
    public static ArenaJudgment of(JsonFields row, ArenaVersion version, String baseline) {
        JsonNode games = row.node().path("games");
        if (!games.isArray() || games.size() != GAMES) {
            throw new DataException(row.where() + ": games is " + Json.describe(games) + "; expected a list of 2");
        }
        List<String> labels = new ArrayList<>();
        List<Boolean> replied = new ArrayList<>();
        int conflicts = 0;
        for (JsonNode game : games) {
            JsonNode judgment = game.path("judgment");
            String reply = judgment.isObject() ? judgment.path("answer").asText("") : judgment.asText("");
            Verdict.Reading reading = Verdict.read(reply, version);
            JsonNode score = game.path("score");
            if (!score.isMissingNode() && !score.isNull() && !score.isTextual()) {
                throw new DataException(row.where() + ": score is " + Json.describe(score) + "; expected a text such as A>B, or null");
            }
            labels.add(score.isTextual() ? score.asText() : score.isMissingNode() ? reading.label() : null);
            replied.add(score.isTextual() || !reply.isEmpty());
            conflicts += reading.isConflicting() ? 1 : 0;
        }
        String named = row.textOrNull("baseline");
        boolean isNew = !row.isAbsent("uid");
        String category = row.textOrNull("category");
        return new ArenaJudgment(row.text(isNew ? "uid" : "question_id"), category == null ? OLD_CATEGORY : category,
                JudgeSetup.of(row, row.text("judge")), row.text("model"), named == null ? baseline : named, labels, replied, conflicts, row);
    }

    /** What its repeats have in common: the same answers by the same judge. */
    public Repeats.Judged judged() {
        JsonNode first = row.node().path("games").path(0);
        JsonNode asked = first.has("prompt") ? first.path("prompt") : first.path("user_prompt");
        return new Repeats.Judged(model, question, asked.isMissingNode() ? null : asked.toString(), judge, row);
    }

    /** The verdict of a game. */
    public Optional<Verdict> verdict(int game, ArenaVersion version) {
        return Optional.ofNullable(labels.get(game)).flatMap(label -> Verdict.of(label, version));
    }

    /** Whether the judge replied in a game, but with no verdict. */
    public boolean isUnparsed(int game, ArenaVersion version) {
        return replied.get(game) && verdict(game, version).isEmpty();
    }

    /**
     * The battles that count. v2.0 wants both verdicts or none, and has game 1 first; in v0.1 each game counts alone.
     */
    public List<Battle> battles(ArenaVersion version) {
        List<Battle> battles = new ArrayList<>();
        if (version == ArenaVersion.V20 && (verdict(0, version).isEmpty() || verdict(1, version).isEmpty())) {
            return battles;
        }
        for (int game : version == ArenaVersion.V20 ? new int[] {1, 0} : new int[] {0, 1}) {
            verdict(game, version).ifPresent(verdict ->
                    battles.add(new Battle(question, model, game == 1 ? verdict.score() : 1 - verdict.score(), verdict.weight())));
        }
        return battles;
    }
}
