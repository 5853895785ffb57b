package org.metaapo.train;

import java.util.List;
import org.metaapo.meta.MetaLearner;

/**
 * What a checkpoint holds beside weights and moments. Doubles survive JSON exactly.
 *
 * @param fingerprint of all that must not change between a run and its continuation
 * @param step optimizer steps taken
 * @param epoch the present one, from 0
 * @param slice the present one within the epoch, from 0
 * @param batches batches of the slice that are done
 * @param metricsBytes length of metrics.jsonl
 * @param totals costs so far
 * @param meta the meta-learner; null in recipes without one
 * @param references log-prob sums under the reference; null where not used
 * @param rows the present slice; null before it is prepared
 */
record RunState(
        String fingerprint,
        long step,
        long epoch,
        int slice,
        int batches,
        long metricsBytes,
        Totals totals,
        MetaLearner.State meta,
        References.State references,
        List<SliceRow> rows) {
    /**
     * A prepared row.
     *
     * @param index of the encoded row
     * @param reference see {@link TrainRow#reference}
     * @param onlineChosen ids, or null
     * @param onlineRejected ids, or null
     * @param onlineReference see {@link TrainRow.OnlinePair#reference}
     */
    record SliceRow(int index, double[] reference, int[] onlineChosen, int[] onlineRejected, double[] onlineReference) {}
}
