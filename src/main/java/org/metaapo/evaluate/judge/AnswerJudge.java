package org.metaapo.evaluate.judge;

import java.util.List;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.reward.CallLog;

/**
 * Whoever judges answers: a model behind an address, a command, or a model that the engine runs. A benchmark makes requests of questions and
 * answers, and rows of its official file of the replies; scores are made of these rows alone.
 */
public interface AnswerJudge extends AutoCloseable {
    /** Who judges, and where: stored with each row, with what the benchmark adds. */
    JudgeSetup setup();

    /** Requests that are best asked together. */
    int group();

    /** Calls at once. */
    int parallel();

    /**
     * Asks; from several threads at once where {@link #parallel} says so.
     *
     * @param log hears of calls
     * @return what became of each request, in order; those that failed can be made again
     * @throws org.metaapo.error.DataException if all failed, or RunFailedException
     * @throws org.metaapo.error.MetaapoException of another kind if no request can succeed
     */
    List<Outcome> ask(List<JudgeRequest> requests, CallLog log) throws InterruptedException;

    /** How many requests of those that it is asked just now are done, about; from another thread. */
    default long underWay() {
        return 0;
    }

    /** A stop is asked for, from another thread: what costs only time ends. */
    default void stop() {}

    /** Ends what is under way, from another thread. */
    default void abort() {}

    @Override
    void close();
}
