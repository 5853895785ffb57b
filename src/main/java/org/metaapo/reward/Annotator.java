package org.metaapo.reward;

import java.util.List;
import org.metaapo.data.Prompt;
import org.metaapo.text.Answer;

/** Gives answers their rewards: a local model, a service, a judge, a user's class or a user's command. */
public interface Annotator extends AutoCloseable {
    /**
     * Rewards of answers, in order; larger is better, and only those of one prompt need be comparable.
     *
     * @param prompts what was answered
     * @param answers for each prompt, one answer or more
     * @param watch hears of progress, and may end the work
     * @return for each prompt, a finite number for each of its answers; NaN for one that a local model leaves out as too long
     * @throws org.metaapo.error.DataException if an answer cannot be scored, or the source's reply is not what was asked for
     * @throws org.metaapo.error.RunFailedException if the source cannot be reached, fails or takes too long
     */
    List<double[]> score(List<Prompt> prompts, List<List<Answer>> answers, Watch watch);

    /** What the source has cost so far. */
    AnnotationCosts costs();

    @Override
    void close();
}
