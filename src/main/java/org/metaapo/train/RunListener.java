package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** Watches a run. All methods have a default that does nothing. */
public interface RunListener {
    /** Nobody watches. */
    RunListener SILENT = new RunListener() {};

    /** A line for people. */
    default void note(String line) {}

    /** A part of the run begins that has {@code total} units; 0 for one that is not counted, -1 for an unknown end. */
    default void begin(String phase, long total) {}

    /** The part that runs is at {@code done} units; {@code detail} is a word on how it goes, or empty. */
    default void progress(long done, String detail) {}

    /** The part that ran is over. */
    default void end() {}

    /** A line of {@code metrics.jsonl} was written. */
    default void metrics(ObjectNode line) {}
}
