package org.metaapo.evaluate.alpaca;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.config.Program;
import org.metaapo.data.Prompt;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.files.Json;
import org.metaapo.reward.Annotator;
import org.metaapo.reward.Watch;
import org.metaapo.statistics.Wins;
import org.metaapo.text.Answer;
import org.metaapo.text.Conversation;

/**
 * Annotations by a reward model in place of a judge: the answer with the higher reward is preferred, 1 or 2, equal ones 1.5. They are no AlpacaEval
 * score; win rates and their length control are computed alike.
 */
public final class RewardPreferences {
    private RewardPreferences() {}

    /**
     * Rows of the official file.
     *
     * @param name of the source of rewards, in the rows
     * @param identity all that decides a reward
     */
    public static List<Annotation> annotations(AlpacaPairs pairs, Annotator rewards, String name, String identity, Watch watch) {
        List<Prompt> prompts = new ArrayList<>();
        List<List<Answer>> answers = new ArrayList<>();
        for (int i = 0; i < pairs.model().size(); i++) {
            prompts.add(new Prompt(Conversation.ask(pairs.model().get(i).instruction())));
            answers.add(List.of(Answer.of(pairs.baseline().get(i).output()), Answer.of(pairs.model().get(i).output())));
        }
        List<double[]> scores = rewards.score(prompts, answers, watch);
        JudgeSetup setup = new JudgeSetup(name, Json.mapper().createObjectNode().put("reward", name)).in(identity, Map.of());
        List<Annotation> rows = new ArrayList<>();
        for (int i = 0; i < scores.size(); i++) {
            rows.add(row(pairs.baseline().get(i), pairs.model().get(i), scores.get(i), setup));
        }
        return rows;
    }

    private static Annotation row(ModelOutput baseline, ModelOutput model, double[] rewards, JudgeSetup setup) {
        ObjectNode row = AlpacaJudging.start(baseline, model, setup);
        boolean isScored = !Double.isNaN(rewards[0]) && !Double.isNaN(rewards[1]);
        row.put("preference", isScored ? (Double) (1 + Wins.outcome(rewards[1], rewards[0])) : null);
        row.put("preference_version", Program.VERSION);
        if (isScored) {
            row.put("reward_1", rewards[0]).put("reward_2", rewards[1]);
        } else {
            row.put("failure", "longer than the reward model reads");
        }
        row.putNull(Annotation.MODEL_FIRST);
        row.set(JudgeSetup.FIELD, setup.setup());
        return Annotation.of(new JsonFields(row, model.where()));
    }
}
