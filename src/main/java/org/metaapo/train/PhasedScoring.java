package org.metaapo.train;

import java.util.List;
import org.metaapo.engine.Network;
import org.metaapo.ranks.Ranks;

/** Scoring as a phase of a run: it tells its progress and hears a stop. */
record PhasedScoring(RunListener listener, StopSignal stop, long maxTokens, boolean sharePrompts, Ranks ranks) implements References.BatchScorer {
    @Override
    public void scorePacks(Network model, List<PairScorer.Pack> packs, List<double[]> sums, String phase) {
        listener.begin(phase, packs.size());
        new PairScorer(model, maxTokens, sharePrompts, ranks).scorePacks(packs, sums, done -> {
            listener.progress(done, "");
            stop.check();
        });
        listener.end();
    }
}
