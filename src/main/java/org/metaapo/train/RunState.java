package org.metaapo.train;

import java.util.List;
import org.metaapo.engine.TrainerOptions;
import org.metaapo.meta.MetaLearner;

/**
 * What a checkpoint holds beside weights and moments. Doubles survive JSON exactly.
 *
 * @param step optimizer steps taken
 * @param epoch the present one, from 0
 * @param slice the present one within the epoch, from 0
 * @param batches batches of the slice that are done
 * @param metricsBytes length of metrics.jsonl
 * @param bufferBytes length of meta-buffer.jsonl
 * @param totals costs so far
 * @param meta the meta-learner; null in recipes without one
 * @param asked rows whose label was asked for, as a bit set; null in recipes that do not ask
 * @param references log-prob sums under the reference; null where not used
 * @param rows the present slice; null before it is prepared
 * @param merging whether answers are sampled from a merged copy: which it was decides the bits
 * @param shard what ranks share out: it decides the bits too; null in older checkpoints
 */
record RunState(
        long step,
        long epoch,
        int slice,
        int batches,
        long metricsBytes,
        long bufferBytes,
        Totals totals,
        MetaLearner.State meta,
        long[] asked,
        References.State references,
        List<SliceRow> rows,
        Boolean merging,
        TrainerOptions.Shard shard) {
    /**
     * A prepared row.
     *
     * @param index of the encoded row
     * @param own see {@link TrainRow#own}
     * @param reference see {@link TrainRow#reference}
     * @param made see {@link TrainRow#made}
     * @param mismatched see {@link TrainRow#mismatched}
     */
    record SliceRow(int index, boolean own, double[] reference, TrainRow.MadePair made, double[] mismatched) {}
}
