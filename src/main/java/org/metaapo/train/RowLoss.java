package org.metaapo.train;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.Trainer;
import org.metaapo.ranks.Codec;

/**
 * What a step found of a row; see {@link PairResults}.
 *
 * @param chosen log-prob sum, or score, of the first pair's chosen answer; 0 where the row does not have it
 * @param rejected the same of the rejected one
 * @param logRatios l − r summed over all the row's answers, where l is an answer's log-prob sum under the policy and r under the
 *     reference; of no meaning where the loss has none
 */
record RowLoss(
        double loss,
        double lossOffline,
        double lossOnline,
        double scoreOffline,
        double scoreOnline,
        double deltaOffline,
        double weight,
        double chosen,
        double rejected,
        double logRatios) {
    static final Codec<RowLoss> CODEC = new Codec<>() {
        @Override
        public void write(RowLoss row, DataOutput out) throws IOException {
            NUMBERS.write(new double[] {row.loss, row.lossOffline, row.lossOnline, row.scoreOffline, row.scoreOnline, row.deltaOffline,
                row.weight, row.chosen, row.rejected, row.logRatios}, out);
        }

        @Override
        public RowLoss read(DataInput in) throws IOException {
            double[] n = NUMBERS.read(in);
            return new RowLoss(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9]);
        }
    };

    /**
     * Of each of the rows that a step was made of.
     *
     * @param rows the same rows, whose answers stand one after the other in the step's sums
     */
    static List<RowLoss> of(List<TrainRow> rows, Pairs pairs, Trainer.PreferenceStep step) {
        PairResults r = step.results();
        double[] ratios = logRatios(rows, pairs, step);
        return IntStream.range(0, pairs.rows())
                .mapToObj(i -> new RowLoss(
                        r.loss()[i], r.lossOffline()[i], r.lossOnline()[i], r.scoreOffline()[i], r.scoreOnline()[i], r.deltaOffline()[i],
                        r.weight()[i], sum(step, pairs.chosen()[i]), sum(step, pairs.rejected()[i]), ratios[i]))
                .toList();
    }

    private static double[] logRatios(List<TrainRow> rows, Pairs pairs, Trainer.PreferenceStep step) {
        double[] ratios = new double[rows.size()];
        int at = 0;
        for (int i = 0; i < ratios.length; i++) {
            for (int end = at + rows.get(i).answers().size(); at < end; at++) {
                ratios[i] += step.sums()[at] - (pairs.referenceSums() == null ? 0 : pairs.referenceSums()[at]);
            }
        }
        return ratios;
    }

    private static double sum(Trainer.PreferenceStep step, int answer) {
        return answer < 0 ? 0 : step.sums()[answer];
    }
}
