package org.metaapo.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.metaapo.data.EncodedRow;
import org.metaapo.engine.Network;

/**
 * The reference and log-prob sums under it: once for all rows where it stays, so that they never depend on the slicing, and slice by
 * slice where it follows the policy.
 */
final class References {
    /** Whether and how late the reference follows the policy. The first slice's is always the one that the run began with. */
    enum Update {
        /** It stays. */
        NEVER,
        /** A slice's reference is the policy before that slice. */
        SLICE,
        /** A slice's reference is the policy before the slice that came before, as in the authors' script of MetaAPO. */
        SLICE_LATE
    }

    private static final String PHASE = "reference log-probs";

    private final Network model;
    private final Update update;
    private final RunData data;
    private final BatchScorer scorer;
    private State state;

    /**
     * What a checkpoint keeps, so that no pair is scored twice.
     *
     * @param rows of the answers of the rows that are scored, the first ones; null where the reference follows the policy
     * @param evaluation of the held-out rows' pairs; null before they were needed
     */
    record State(double[][] rows, double[][] evaluation) {}

    /** Scores under a model, with progress under a name. */
    interface BatchScorer {
        /** Adds the sums of each pack's answers from the {@code sums.size()}-th pack on; after a stop that is a beginning to go on from. */
        void scorePacks(Network model, List<PairScorer.Pack> packs, List<double[]> sums, String phase);

        /** Each answer of each pack. */
        default List<double[]> scorePacks(Network model, List<PairScorer.Pack> packs, String phase) {
            List<double[]> sums = new ArrayList<>();
            scorePacks(model, packs, sums, phase);
            return sums;
        }

        /** (chosen, rejected) of each pair, with 0 for an answer that is not there. */
        default List<double[]> score(Network model, List<PairScorer.Pair> pairs, String phase) {
            return PairScorer.ofPairs(pairs, scorePacks(model, PairScorer.packsOf(pairs), phase));
        }
    }

    /** {@code model} is what the run begins with; the state is a checkpoint's, or null. */
    References(Network model, Update update, RunData data, State state, BatchScorer scorer) {
        this.model = model;
        this.update = update;
        this.data = data;
        this.state = state == null ? new State(null, null) : state;
        this.scorer = scorer;
    }

    State state() {
        return state;
    }

    /** The weights that a checkpoint must hold: those that neither a file nor the policy has. Null where there are none. */
    Network kept() {
        return update == Update.SLICE_LATE ? model : null;
    }

    /** A slice is going to be prepared; {@code first} of the whole run. */
    void begin(boolean first, Network policy) {
        if (update == Update.SLICE && !first) {
            model.copyFrom(policy);
        }
        if (update != Update.NEVER) {
            state = new State(null, data.evaluation().isEmpty() ? null : scoreEvaluation());
        }
    }

    /** A slice is prepared, by the policy as it is. Nothing is scored under its reference any more. */
    void end(Network policy) {
        if (update == Update.SLICE_LATE) {
            model.copyFrom(policy);
        }
    }

    /** Sums of a slice's rows: of the own (chosen, rejected), with 0 for an answer that is not there, then of given online answers. */
    List<double[]> slice(int[] indices, List<EncodedRow> rows) {
        List<double[]> sums;
        if (update != Update.NEVER) {
            sums = scorer.scorePacks(model, PairScorer.packs(rows), PHASE);
        } else {
            if (state.rows() == null || state.rows().length < data.rows().size()) {
                scoreAllRows();
            }
            sums = Arrays.stream(indices).mapToObj(i -> state.rows()[i]).toList();
        }
        return IntStream.range(0, rows.size())
                .mapToObj(i -> sums.get(i).length > 1 ? sums.get(i) : PairScorer.alone(sums.get(i)[0], rows.get(i).chosenTokens() > 0))
                .toList();
    }

    private void scoreAllRows() {
        List<double[]> sums = new ArrayList<>(state.rows() == null ? List.of() : Arrays.asList(state.rows()));
        try {
            scorer.scorePacks(model, PairScorer.packs(data.rows()), sums, PHASE);
        } finally {
            state = new State(sums.toArray(double[][]::new), state.evaluation());
        }
    }

    /** The reference itself, to sample from. */
    Network model() {
        return model;
    }

    /** Sums of answers that are new. */
    List<double[]> of(List<PairScorer.Pack> packs, String phase) {
        return scorer.scorePacks(model, packs, phase);
    }

    /** Sums of the held-out rows. */
    List<double[]> evaluation() {
        if (state.evaluation() == null) {
            state = new State(state.rows(), scoreEvaluation());
        }
        return List.of(state.evaluation());
    }

    private double[][] scoreEvaluation() {
        return scorer.score(model, PairScorer.pairs(data.evaluation()), PHASE).toArray(double[][]::new);
    }
}
