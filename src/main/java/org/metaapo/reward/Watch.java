package org.metaapo.reward;

/** Watches annotation. It is called on the thread that asked for the scores. */
@FunctionalInterface
public interface Watch {
    /**
     * Hears how many prompts are finished: after each piece of work, and several times a second while a source is waited for.
     * What it throws ends the work, and is thrown to the caller.
     */
    void progress(long done);

    /** Hears of an answer whose conversation is longer than the source reads, by the numbers of its prompt and among the prompt's answers. */
    default void overlong(int prompt, int answer) {}

    /** A line for people, such as that a call is tried again. */
    default void note(String line) {}
}
