package org.metaapo.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** What the meta-learners saw and said, a line a method and slice: means over seeds. */
final class WeightTable {
    private static final String NOTES = "Meta-learners by slice, means over seeds. w: mean of the rows when it was decided which are sampled. L off − L on: mean over "
            + "the rows that the slice's updates used, by equation 7 the gradient by a row's w; where it is positive, learning takes w down. rank with score: "
            + "rank correlation with what the learner sees of a row.";
    private static final String GOLD_NOTES = " online right, offline right: of the sampled rows, pairs that are ordered as gold orders them, equal ones half. advantage: the online pair's "
            + "difference in gold reward less the offline pair's; rank of w with it: negative where w is low for rows whose online pair says more.";

    private final List<List<SliceWeights>> seeds;

    private WeightTable(List<List<SliceWeights>> seeds) {
        this.seeds = seeds;
    }

    static String notes(boolean gold) {
        return gold ? NOTES + GOLD_NOTES : NOTES;
    }

    static List<List<String>> lines(Results results) {
        boolean gold = results.hasGold();
        List<String> head = new ArrayList<>(List.of("method", "slice", "w", "sampled", "L off − L on", "positive", "rank with score"));
        if (gold) {
            head.addAll(List.of("online right", "offline right", "advantage", "rank of w with it"));
        }
        List<List<String>> lines = new ArrayList<>(List.of(head));
        results.weights().forEach((method, seeds) -> {
            int slices = seeds.stream().mapToInt(List::size).max().orElse(0);
            for (int slice = 0; slice < slices; slice++) {
                List<String> line = new ArrayList<>(List.of(method, Integer.toString(slice + 1)));
                line.addAll(new WeightTable(seeds).cells(slice, gold));
                lines.add(line);
            }
        });
        return lines;
    }

    private List<String> cells(int slice, boolean gold) {
        List<String> cells = new ArrayList<>(List.of(
                mean("%.3f", slice, SliceWeights::weight), mean("%.3f", slice, SliceWeights::sampled),
                mean("%+.4f", slice, SliceWeights::gradient), mean("%.2f", slice, SliceWeights::down), mean("%+.2f", slice, SliceWeights::byScore)));
        if (gold) {
            cells.addAll(List.of(
                    mean("%.2f", slice, SliceWeights::online), mean("%.2f", slice, SliceWeights::offline),
                    mean("%+.2f", slice, SliceWeights::advantage), mean("%+.2f", slice, SliceWeights::byAdvantage)));
        }
        return cells;
    }

    private String mean(String pattern, int slice, ToDoubleFunction<SliceWeights> value) {
        double mean = seeds.stream().filter(slices -> slice < slices.size()).mapToDouble(slices -> value.applyAsDouble(slices.get(slice))).filter(Double::isFinite).average().orElse(Double.NaN);
        return Double.isNaN(mean) ? "–" : String.format(Locale.ROOT, pattern, mean);
    }
}
