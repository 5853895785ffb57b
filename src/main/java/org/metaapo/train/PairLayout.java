package org.metaapo.train;

import java.util.ArrayList;
import java.util.List;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.TokenBatch;

/**
 * Where the answers of rows stand in a batch. The first pair of a row is its own, and the made one the second; in recipes that
 * train the made pair alone it is the first.
 */
final class PairLayout {
    private final TokenBatch.Builder builder = TokenBatch.builder();
    private final boolean sharePrompts;
    private final int[] chosen;
    private final int[] rejected;
    private final int[] onlineChosen;
    private final int[] onlineRejected;
    private final int[] explored;
    private final double[] wins;
    private final List<Integer> counts = new ArrayList<>();
    private final List<Double> references = new ArrayList<>();
    private final Pairs pairs;

    /** {@code withReference} says whether rows carry sums under the reference. */
    PairLayout(List<TrainRow> rows, boolean withReference, boolean sharePrompts) {
        this.sharePrompts = sharePrompts;
        int n = rows.size();
        chosen = new int[n];
        rejected = new int[n];
        onlineChosen = new int[n];
        onlineRejected = new int[n];
        boolean explores = rows.stream().anyMatch(row -> row.made() != null && row.made().exploredRole() >= 0);
        boolean hasWins = rows.stream().anyMatch(row -> row.made() != null && row.made().wins() != null);
        explored = explores ? new int[n] : null;
        wins = hasWins ? new double[2 * n] : null;
        for (int i = 0; i < n; i++) {
            place(rows.get(i), i);
            if (withReference) {
                addReferences(rows.get(i));
            }
        }
        pairs = new Pairs(
                chosen, rejected, onlineChosen, onlineRejected,
                withReference ? references.stream().mapToDouble(Double::doubleValue).toArray() : null,
                counts.stream().mapToInt(Integer::intValue).toArray(), explored, wins, null);
    }

    private void place(TrainRow row, int i) {
        int at = pack(row.row().prompt(), row.answers());
        chosen[i] = row.own() && row.row().chosenTokens() > 0 ? at++ : -1;
        rejected[i] = row.own() && row.row().rejectedTokens() > 0 ? at++ : -1;
        onlineChosen[i] = -1;
        onlineRejected[i] = -1;
        if (row.made() == null) {
            return;
        }
        int[] first = row.own() ? onlineChosen : chosen;
        int[] second = row.own() ? onlineRejected : rejected;
        first[i] = at;
        second[i] = at + 1;
        if (explored != null) {
            explored[i] = row.made().exploredRole() < 0 ? -1 : at + row.made().exploredRole();
        }
        if (row.made().wins() != null) {
            wins[2 * i] = row.made().wins()[0];
            wins[2 * i + 1] = row.made().wins()[1];
        }
    }

    private int pack(int[] prompt, List<int[]> answers) {
        int first = counts.size();
        answers.forEach(answer -> counts.add(answer.length));
        if (sharePrompts) {
            builder.pack(prompt, answers);
        } else {
            answers.forEach(answer -> builder.pack(prompt, List.of(answer)));
        }
        return first;
    }

    private void addReferences(TrainRow row) {
        if (row.own() && row.row().chosenTokens() > 0) {
            references.add(row.reference()[0]);
        }
        if (row.own() && row.row().rejectedTokens() > 0) {
            references.add(row.reference()[1]);
        }
        if (row.made() != null) {
            for (double sum : row.made().reference()) {
                references.add(sum);
            }
        }
    }

    Pairs pairs() {
        return pairs;
    }

    /** The tokens; the caller closes them. */
    TokenBatch batch() {
        return builder.build();
    }
}
