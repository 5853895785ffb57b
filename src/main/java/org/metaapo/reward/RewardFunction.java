package org.metaapo.reward;

import java.util.List;
import org.metaapo.text.Answer;
import org.metaapo.text.Message;

/**
 * A reward of one's own: {@code reward.class} names a class that implements this and has a public constructor without parameters. It
 * is made once, and its methods are called one at a time.
 */
public interface RewardFunction {
    /**
     * Scores answers to one prompt.
     *
     * @param messages the conversation so far; a plain prompt is one turn of role user
     * @param answers one or more; the data's may be of several turns, or have tool calls
     * @return a finite number for each answer, in order; larger is better. It must depend on the messages and the answer alone, for
     *     it is kept and not asked for twice
     */
    double[] score(List<Message> messages, List<Answer> answers) throws Exception;

    /** Called once at the end. */
    default void close() throws Exception {}
}
