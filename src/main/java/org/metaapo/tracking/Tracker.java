package org.metaapo.tracking;

import java.util.Map;

/**
 * Shows a run somewhere. A class of yours is named in {@code trackers: [{class: …, class_path: […]}]}; it is public and has a public
 * constructor without parameters.
 *
 * <p>One thread calls it, which is not the run's: however long a call takes, the run goes on, and what does not fit the queue between
 * them is lost and counted. An exception of {@link #start}, {@link #flush} or {@link #end} has the same call made again after a while; an
 * exception of another method loses what it was given. After the run's end there are ten seconds left. Of several ranks the leader alone
 * tracks.
 */
public interface Tracker {
    /** How a run ended. */
    enum Status {
        /** It is done. */
        FINISHED,
        /** It was stopped, and may go on. */
        STOPPED,
        /** It failed, and may go on from its checkpoint. */
        FAILED
    }

    /**
     * A run begins, or goes on.
     *
     * @param resumedAtStep step of the checkpoint that the run goes on from, whose later steps come again, with the same values but for
     *     clocks; −1 for a run that begins
     */
    void start(RunInfo run, long resumedAtStep) throws Exception;

    /**
     * Numbers of a step. Several calls may have the same step, with different tags.
     *
     * @param step optimizer steps taken
     * @param time Unix seconds
     * @param values by tag, such as {@code train/rewards/chosen}; they may be NaN
     */
    void log(long step, double time, Map<String, Double> values) throws Exception;

    /** A text of a step, in Markdown. */
    default void text(long step, double time, String tag, String markdown) throws Exception {}

    /** Values of a step whose distribution is of interest; all are finite. */
    default void histogram(long step, double time, String tag, double[] values) throws Exception {}

    /** What was given is to be sent, or safe on the disk: every five seconds where there is something, at checkpoints, and before the end. */
    default void flush() throws Exception {}

    /** The run is over. */
    default void end(Status status) throws Exception {}
}
