package org.metaapo.train;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.metaapo.engine.Model;

/** Scoring as a phase of a run: it tells its progress and hears a stop. */
record PhasedScoring(RunListener listener, StopSignal stop, long maxTokens, boolean sharePrompts) implements References.BatchScorer {
    @Override
    public void score(Model model, List<PairScorer.Pair> pairs, List<double[]> sums, String phase) {
        during(phase, pairs.size(), done -> scorer(model).score(pairs, sums, done));
    }

    @Override
    public void scorePacks(Model model, List<PairScorer.Pack> packs, List<double[]> sums, String phase) {
        during(phase, packs.size(), done -> scorer(model).scorePacks(packs, sums, done));
    }

    private PairScorer scorer(Model model) {
        return new PairScorer(model, maxTokens, sharePrompts);
    }

    private void during(String phase, int count, Consumer<LongConsumer> work) {
        listener.begin(phase, count);
        work.accept(done -> {
            listener.progress(done, "");
            stop.check();
        });
        listener.end();
    }
}
