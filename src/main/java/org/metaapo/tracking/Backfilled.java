package org.metaapo.tracking;

/** A tracker that is given, of a run that goes on, what stands in its folder already too. */
interface Backfilled extends Tracker {
    /** Once started: the first step of those lines that it is given. */
    long firstStep();
}
