package org.metaapo.train;

import java.util.Arrays;
import java.util.List;
import org.metaapo.data.EncodedRow;
import org.metaapo.engine.Model;

/**
 * Log-prob sums under the reference: once for all rows where it stays, so that they never depend on the slicing, and slice by
 * slice where it follows the policy.
 */
final class References {
    private final Model model;
    private final boolean follows;
    private final RunData data;
    private final BatchScorer scorer;
    private State state;

    /**
     * What a checkpoint keeps, so that no pair is scored twice.
     *
     * @param rows (chosen, rejected) of every row; null where the reference follows the policy
     * @param evaluation the same of the held-out rows; null before they were needed
     */
    record State(double[][] rows, double[][] evaluation) {}

    /** Scores under a model, with progress under a name. */
    interface BatchScorer {
        /** (chosen, rejected) of each pair. */
        List<double[]> score(Model model, List<PairScorer.Pair> pairs, String phase);

        /** Each answer of each pack. */
        List<double[]> scorePacks(Model model, List<PairScorer.Pack> packs, String phase);
    }

    References(Model model, boolean follows, RunData data, State state, BatchScorer scorer) {
        this.model = model;
        this.follows = follows;
        this.data = data;
        this.state = state == null ? new State(null, null) : state;
        this.scorer = scorer;
    }

    State state() {
        return state;
    }

    /** Sums of a slice's rows; {@code policy} is what the reference becomes first, where it follows. */
    List<double[]> slice(int[] indices, List<EncodedRow> rows, Model policy) {
        if (follows) {
            model.copyFrom(policy);
            state = new State(null, data.evaluation().isEmpty() ? null : score(data.evaluation()));
            return scorer.score(model, PairScorer.pairs(rows), "reference log-probs");
        }
        if (state.rows() == null) {
            state = new State(score(data.rows()), state.evaluation());
        }
        return Arrays.stream(indices).mapToObj(i -> state.rows()[i]).toList();
    }

    /** Lets the reference become the policy as it is, where it follows; for recipes that do not ask for {@link #slice}. */
    void follow(Model policy) {
        if (follows) {
            model.copyFrom(policy);
        }
    }

    /** The reference itself, to sample from. */
    Model model() {
        return model;
    }

    /** Sums of answers that are new. */
    List<double[]> of(List<PairScorer.Pack> packs, String phase) {
        return scorer.scorePacks(model, packs, phase);
    }

    /** Sums of the held-out rows. */
    List<double[]> evaluation() {
        if (state.evaluation() == null) {
            state = new State(state.rows(), score(data.evaluation()));
        }
        return List.of(state.evaluation());
    }

    private double[][] score(List<EncodedRow> rows) {
        return scorer.score(model, PairScorer.pairs(rows), "reference log-probs").toArray(double[][]::new);
    }
}
