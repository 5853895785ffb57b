package org.metaapo.engine;

import java.lang.reflect.Array;
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
        checkLength("rejected", p.rejected(), rows);
        checkLength("onlineChosen", p.onlineChosen(), rows);
        checkLength("onlineRejected", p.onlineRejected(), rows);
        checkLength("referenceSums", p.referenceSums(), answers);
        checkLength("tokenCounts", p.tokenCounts(), answers);
        checkLength("explored", p.explored(), rows);
        checkLength("wins", p.wins(), (long) Pairs.WINS * rows);
        checkLength("given", p.given(), (long) Pairs.GIVEN * rows);
        DoublePointer features = weighting.featuresOf(rows);
        IntPointer chosen = Native.ints(p.chosen());
        IntPointer rejected = Native.ints(p.rejected());
        IntPointer onlineChosen = Native.ints(p.onlineChosen());
        IntPointer onlineRejected = Native.ints(p.onlineRejected());
        DoublePointer reference = Native.doubles(p.referenceSums());
        IntPointer counts = Native.ints(p.tokenCounts());
        IntPointer explored = Native.ints(p.explored());
        DoublePointer wins = Native.doubles(p.wins());
        DoublePointer given = Native.doubles(p.given());
        DoublePointer parameters = Native.doubles(weighting.parameters());
        values = new DoublePointer((long) RESULTS * Math.max(1, rows));
        dsums = new DoublePointer(Math.max(1, answers));
        arrays = new Pointer[] {
            chosen, rejected, onlineChosen, onlineRejected, reference, counts, explored, wins, given, parameters, features,
            values, dsums
        };
        pairs.rows(rows).answers(answers).chosen(chosen).rejected(rejected);
        pairs.online_chosen(onlineChosen).online_rejected(onlineRejected);
        pairs.reference_sums(reference).token_counts(counts).explored(explored).wins(wins).given(given);
        this.objective = objective.toNative();
        this.meta = weighting.toNative(parameters, features);
        results.loss(part(0)).loss_offline(part(1)).loss_online(part(2)).score_offline(part(3)).score_online(part(4));
        results.delta_offline(part(5)).delta_online(part(6)).weight(part(7)).dsums(dsums);
    }

    /** Null passes: whether an array may be missing is the engine's to say. */
    private static void checkLength(String name, Object array, long expected) {
        int found = array == null ? 0 : Array.getLength(array);
        if (array != null && found != expected) {
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
