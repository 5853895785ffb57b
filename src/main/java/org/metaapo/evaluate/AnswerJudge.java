package org.metaapo.evaluate;

/**
 * Whoever judges answers: a model behind an address, a command, or a model that the engine runs. A benchmark makes requests of questions and
 * answers, and rows of its official file of the replies; scores are made of these rows alone.
 */
public interface AnswerJudge extends AutoCloseable {
    /** Who judges, and how: stored with each row. */
    JudgeSetup setup();

    /**
     * Asks. Called from several threads at once.
     *
     * @throws org.metaapo.error.MetaapoException if there is no reply; the request has then no row, and can be made again
     */
    JudgeReply ask(JudgeRequest request) throws InterruptedException;

    @Override
    void close();
}
