package org.metaapo.compare;

import org.metaapo.train.RunListener;

/**
 * A piece of work of a suite.
 *
 * @param name for people, such as "dpo, seed 3"
 * @param work how long it takes, in units of a method's run
 * @param runs how many runs it consists of
 * @param isDone whether an earlier start of the suite has done it, so that only its results are read
 * @param body does it; what it tells the listener is the task's progress
 */
record Task(String name, int work, int runs, boolean isDone, Body body) {
    /** The work. */
    interface Body {
        void run(RunListener listener);
    }
}
