package org.metaapo.evaluate.arena;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Both games of a question: in game 0 the baseline's answer is A, in game 1 the model's.
 *
 * @param question its id
 * @param category of the question; null in v0.1
 * @param judge name of the judge
 * @param model whose answer is judged
 * @param baseline that it is judged against
 * @param labels what the judge said in each game; null where it did not
 * @param where the line, for messages
 */
public record ArenaJudgment(
        String question, String category, String judge, String model, String baseline, List<String> labels, String where) {
    /** The verdict of a game. */
    public Optional<Verdict> verdict(int game, ArenaVersion version) {
        return Optional.ofNullable(labels.get(game)).flatMap(label -> Verdict.of(label, version));
    }

    /** Whether a game has a label that is no verdict. */
    public boolean isUnparsed(int game, ArenaVersion version) {
        return labels.get(game) != null && verdict(game, version).isEmpty();
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
