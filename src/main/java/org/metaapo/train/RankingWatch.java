package org.metaapo.train;

import org.metaapo.reward.Watch;

/**
 * Tells a run's listener how far annotation is, and ends it at a stop.
 *
 * @param listener hears of progress and notes
 * @param stop is looked at several times a second, also while a source is waited for
 */
public record RankingWatch(RunListener listener, StopSignal stop) implements Watch {
    @Override
    public void progress(long done) {
        listener.progress(done, "");
        stop.check();
    }

    @Override
    public void note(String line) {
        listener.note(line);
    }
}
