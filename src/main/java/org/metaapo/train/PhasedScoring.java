package org.metaapo.train;

import java.util.List;
import java.util.function.Function;
import java.util.function.LongConsumer;
import org.metaapo.engine.Model;

/** Scoring as a phase of a run: it tells its progress and hears a stop. */
record PhasedScoring(RunListener listener, StopSignal stop, long maxTokens, boolean sharePrompts) implements References.BatchScorer {
    @Override
    public List<double[]> score(Model model, List<PairScorer.Pair> pairs, String phase) {
        return during(phase, pairs.size(), done -> new PairScorer(model, maxTokens, sharePrompts).score(pairs, done));
    }

    @Override
    public List<double[]> scorePacks(Model model, List<PairScorer.Pack> packs, String phase) {
        return during(phase, packs.size(), done -> new PairScorer(model, maxTokens, sharePrompts).scorePacks(packs, done));
    }

    private List<double[]> during(String phase, int count, Function<LongConsumer, List<double[]>> work) {
        listener.begin(phase, count);
        List<double[]> sums = work.apply(done -> {
            listener.progress(done, "");
            stop.check();
        });
        listener.end();
        return sums;
    }
}
