package org.metaapo.evaluate.mtbench;

import java.util.List;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.Outcome;

/** What MT-Bench's judge is asked, and the judgments that come of it. */
public interface MtBenchCalls {
    /** The judge with prompts and sampling. */
    JudgeSetup setup(JudgeSetup judge);

    /** Where an answer holds a line that parts what the judge is shown. */
    List<String> doubtful();

    /** All calls. */
    List<JudgeRequest> requests();

    /**
     * The lines of the official file.
     *
     * @param outcomes of {@link #requests}
     * @param setup of {@link #setup}
     */
    List<JsonFields> rows(List<Outcome> outcomes, JudgeSetup setup);
}
