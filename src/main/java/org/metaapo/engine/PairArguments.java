package org.metaapo.engine;

import java.util.Arrays;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.metaapo.engine.internal.apo_meta;
import org.metaapo.engine.internal.apo_objective;
import org.metaapo.engine.internal.apo_pair_results;
import org.metaapo.engine.internal.apo_pairs;

/** The loss's arguments and results off the heap, for one call. */
final class PairArguments implements AutoCloseable {
    private static final int RESULTS = 8;

    final apo_pairs pairs = new apo_pairs();
    final apo_objective objective;
    final apo_meta meta;
    final apo_pair_results results = new apo_pair_results();
    private final Pointer[] arrays;
    private final DoublePointer values;
    private final DoublePointer dsums;
    private final int rows;
    private final int answers;

    PairArguments(Pairs p, int answers, Objective objective, Weighting weighting) {
        this.rows = p.rows();
        this.answers = answers;
        checkLength("rejected", p.rejected().length, rows);
        if (p.onlineChosen() != null && p.onlineRejected() != null) {
            checkLength("onlineChosen", p.onlineChosen().length, rows);
            checkLength("onlineRejected", p.onlineRejected().length, rows);
        }
        if (p.referenceSums() != null) {
            checkLength("referenceSums", p.referenceSums().length, answers);
        }
        if (p.tokenCounts() != null) {
            checkLength("tokenCounts", p.tokenCounts().length, answers);
        }
        IntPointer chosen = Native.ints(p.chosen());
        IntPointer rejected = Native.ints(p.rejected());
        IntPointer onlineChosen = Native.ints(p.onlineChosen());
        IntPointer onlineRejected = Native.ints(p.onlineRejected());
        DoublePointer reference = Native.doubles(p.referenceSums());
        IntPointer counts = Native.ints(p.tokenCounts());
        DoublePointer parameters = Native.doubles(weighting.parameters());
        values = new DoublePointer((long) RESULTS * Math.max(1, rows));
        dsums = new DoublePointer(Math.max(1, answers));
        arrays = new Pointer[] {
            chosen, rejected, onlineChosen, onlineRejected, reference, counts, parameters, values, dsums
        };
        pairs.rows(rows).answers(answers).chosen(chosen).rejected(rejected);
        pairs.online_chosen(onlineChosen).online_rejected(onlineRejected);
        pairs.reference_sums(reference).token_counts(counts);
        this.objective = objective.toNative();
        this.meta = weighting.toNative(parameters);
        results.loss(part(0)).loss_offline(part(1)).loss_online(part(2)).score_offline(part(3)).score_online(part(4));
        results.delta_offline(part(5)).delta_online(part(6)).weight(part(7)).dsums(dsums);
    }

    private static void checkLength(String name, int found, int expected) {
        if (found != expected) {
            throw new IllegalArgumentException(name + " has " + found + " entries; expected " + expected);
        }
    }

    private DoublePointer part(int index) {
        return new DoublePointer(values).getPointer((long) index * rows);
    }

    PairResults read() {
        double[] all = Native.array(values, RESULTS * rows);
        double[][] parts = new double[RESULTS][];
        for (int i = 0; i < RESULTS; i++) {
            parts[i] = Arrays.copyOfRange(all, i * rows, (i + 1) * rows);
        }
        return new PairResults(
                parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6], parts[7],
                Native.array(dsums, answers));
    }

    @Override
    public void close() {
        for (Pointer array : arrays) {
            if (array != null) {
                array.close();
            }
        }
        pairs.close();
        objective.close();
        meta.close();
        results.close();
    }
}
