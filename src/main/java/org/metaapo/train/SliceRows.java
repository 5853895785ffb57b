package org.metaapo.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.metaapo.data.EncodedRow;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.metrics.MetricsWriter;

/**
 * Makes the rows of a slice ready for training: log-prob sums under policy and reference, new pairs, and the mismatched answers of
 * KTO's estimate.
 */
final class SliceRows {
    private final RunParts parts;
    private final RunOutput output;
    private final EpochPlan plan;
    private final Consumer<ObjectNode> metrics;

    /** {@code metrics} takes the slice's line. */
    SliceRows(RunParts parts, RunOutput output, EpochPlan plan, Consumer<ObjectNode> metrics) {
        this.parts = parts;
        this.output = output;
        this.plan = plan;
        this.metrics = metrics;
    }

    /**
     * Which slice.
     *
     * @param epoch from 0
     * @param slice within the epoch, from 0
     * @param step optimizer steps taken before
     */
    record Place(long epoch, int slice, long step) {
        boolean isFirst() {
            return epoch == 0 && slice == 0;
        }
    }

    /** The batches of a slice's prepared rows. */
    Batches batches(int slice, int left) {
        // Rows without an online pair that are left out are no part of the slice, as in the authors' script.
        return new Batches(leavesOut() ? left : plan.rowsOf(slice), left, plan.batch());
    }

    private boolean leavesOut() {
        return parts.recipe() == Recipe.METAAPO && parts.config().text("rollout.unsampled").equals("drop");
    }

    /** Prepares a slice of the rows with these numbers; the totals grow by what it takes. */
    List<TrainRow> prepare(int[] indices, Place place, Totals totals) {
        List<EncodedRow> slice = Arrays.stream(indices).mapToObj(parts.data().rows()::get).toList();
        if (!parts.recipe().isPreference()) {
            return slice.stream().map(row -> TrainRow.own(row, null)).toList();
        }
        Rollout rollout = parts.rollout();
        References references = parts.references();
        long start = System.nanoTime();
        if (references != null) {
            references.begin(place.isFirst(), parts.policy());
        }
        boolean ownPairs = rollout == null || rollout.scoresOwnPair();
        List<double[]> sums = references != null && ownPairs ? references.slice(indices, slice) : null;
        SlicePreparation.Agreement agreement = rollout != null && ownPairs ? agreement(slice, sums, place.epoch()) : null;
        totals.secondsScoring += (System.nanoTime() - start) * 1e-9;
        long before = totals.promptsSampled;
        SliceMeans means = new SliceMeans();
        List<TrainRow> rows = rollout == null ? givenRows(slice, sums, totals) : madeRows(slice, agreement, sums, place, totals, means);
        if (parts.objective().kind() == Objective.Kind.KTO) {
            rows = withMismatched(rows, place.slice());
        }
        if (references != null) {
            references.end(parts.policy());
        }
        tell(place, slice.size(), totals.promptsSampled - before, rows.size(), means);
        return rows;
    }

    private SlicePreparation.Agreement agreement(List<EncodedRow> slice, List<double[]> sums, long epoch) {
        List<PairScorer.Pair> pairs = PairScorer.pairs(slice);
        List<double[]> ofPolicy = parts.scoring().score(parts.policy(), pairs, "scoring");
        PairResults results = parts.ranks().agree(() -> PairScorer.evaluate(
                pairs, ofPolicy, sums, parts.objective(), parts.own(), parts.meta().weighting(slice, epoch)));
        return new SlicePreparation.Agreement(results.scoreOffline(), results.weight());
    }

    private List<TrainRow> givenRows(List<EncodedRow> slice, List<double[]> sums, Totals totals) {
        List<TrainRow> rows = IntStream.range(0, slice.size())
                .mapToObj(i -> TrainRow.given(slice.get(i), sums == null ? null : sums.get(i)))
                .toList();
        totals.ties += rows.stream().filter(row -> row.row().onlineTokens() > 0 && row.made() == null).count();
        return leavesOut() ? rows.stream().filter(row -> row.made() != null).toList() : rows;
    }

    private List<TrainRow> madeRows(
            List<EncodedRow> slice, SlicePreparation.Agreement agreement, List<double[]> sums, Place place, Totals totals,
            SliceMeans means) {
        StringBuilder samples = new StringBuilder();
        List<TrainRow> made = new SlicePreparation(parts, totals, means)
                .prepare(slice, agreement, sums, place.epoch() * plan.slices() + place.slice(), samples);
        output.write(output.folder().samples(place.epoch(), place.slice()), samples.toString());
        return made;
    }

    /** Last of all: a slice that was stopped on its way is prepared again, and has one line. */
    private void tell(Place place, int rows, long sampled, int trained, SliceMeans means) {
        if (parts.rollout() != null) {
            ObjectNode line = MetricsWriter.line().put("kind", "slice").put("epoch", place.epoch()).put("slice", place.slice())
                    .put("step", place.step()).put("rows", rows).put("sampled", sampled).put("trained", trained);
            means.write(line);
            metrics.accept(line);
        }
        if (trained == 0) {
            parts.listener().note("slice " + place.slice() + " has no pair left: " + whyNoPair());
        }
    }

    /** Of a slice, or of all, in which no row is left. */
    String whyNoPair() {
        if (!leavesOut()) {
            return "the best and the worst answer to every prompt are equal or have equal rewards";
        }
        return "no row has an online pair and rollout.unsampled is drop";
    }

    /** With the reference's sums of the answers by which KTO's divergence is estimated, batch by batch. */
    private List<TrainRow> withMismatched(List<TrainRow> prepared, int slice) {
        Batches all = batches(slice, prepared.size());
        List<PairScorer.Pack> packs = new ArrayList<>();
        for (int batch = 0; batch < all.count(); batch++) {
            packs.addAll(MismatchedAnswers.of(all.of(prepared, batch), parts.data().room(parts.config())));
        }
        if (packs.isEmpty()) {
            return prepared;
        }
        Iterator<double[]> sums = parts.references().of(packs, "reference log-probs of mismatched answers").iterator();
        List<TrainRow> result = new ArrayList<>();
        for (int batch = 0; batch < all.count(); batch++) {
            List<TrainRow> part = all.of(prepared, batch);
            // A row alone in its batch has no other's answer.
            part.forEach(row -> result.add(part.size() > 1 ? row.withMismatched(sums.next()) : row));
        }
        return result;
    }
}
