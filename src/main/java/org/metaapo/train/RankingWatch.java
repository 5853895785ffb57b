package org.metaapo.train;

import java.util.ArrayList;
import java.util.List;
import org.metaapo.reward.Watch;

/**
 * Tells a run's listener how far annotation is, and ends it at a stop.
 *
 * @param listener hears of progress and notes
 * @param stop is looked at several times a second, also while a source is waited for
 * @param tooLong gets the numbers of prompt and answer of each conversation that is longer than the source reads
 */
public record RankingWatch(RunListener listener, StopSignal stop, List<int[]> tooLong) implements Watch {
    /** A watch that has heard nothing yet. */
    public RankingWatch(RunListener listener, StopSignal stop) {
        this(listener, stop, new ArrayList<>());
    }

    @Override
    public void overlong(int prompt, int answer) {
        tooLong.add(new int[] {prompt, answer});
    }

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
