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
     * @return a reply to each request, in order
     * @throws org.metaapo.error.MetaapoException if there is none; the requests have then no rows, and can be made again
     */
    List<JudgeReply> ask(List<JudgeRequest> requests, CallLog log) throws InterruptedException;

    /** Ends what is under way, from another thread. */
    default void abort() {}

    @Override
    void close();
}
