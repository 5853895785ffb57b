package org.metaapo.reward;

import java.util.List;

/** Whoever replies to questions: behind an HTTP address, in a class, or in another process. Nothing starts before the first question. */
interface QuestionSource extends AutoCloseable {
    /** Names the source in messages. */
    String name();

    /** All that decides a reply beside the question: what is cached under another identity is not used. */
    String identity();

    /**
     * Replies to questions, in order. Called from several threads at once if the source is asked to.
     *
     * @param log hears of calls and their costs
     * @return a finite number for each question
     */
    double[] answer(List<Question> questions, CallLog log) throws InterruptedException;

    /** Ends what is under way, from another thread. */
    default void abort() {}

    @Override
    default void close() {}
}
