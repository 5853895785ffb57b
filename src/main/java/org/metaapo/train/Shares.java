package org.metaapo.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.ranks.SharedWork;

/**
 * How the rows of a batch are shared out over ranks, and a rank's rows over its forwards and backwards. Ranks wait for each other in
 * each, so that all have equally many; those that a rank has too few are empty.
 *
 * @param rows numbers of each rank's rows
 * @param turns of each rank: the numbers of the rows that it forwards at once, turn by turn
 */
record Shares(int[][] rows, List<List<int[]>> turns) {
    /**
     * Shares out rows of {@code tokens} so that each rank has about as many: the longest first, each to the rank that has least. A
     * rank's rows are taken in order, and a turn is over before it has more than {@code microTokens}.
     */
    static Shares of(long[] tokens, int ranks, long microTokens) {
        int[][] rows = SharedWork.bySize(tokens, ranks);
        List<List<int[]>> turns = Arrays.stream(rows).map(own -> turns(own, tokens, microTokens)).toList();
        int most = turns.stream().mapToInt(List::size).max().orElse(0);
        for (List<int[]> own : turns) {
            while (own.size() < most) {
                own.add(new int[0]);
            }
        }
        return new Shares(rows, turns);
    }

    private static List<int[]> turns(int[] rows, long[] tokens, long microTokens) {
        List<int[]> turns = new ArrayList<>();
        int first = 0;
        long filled = 0;
        for (int i = 0; i < rows.length; i++) {
            long size = tokens[rows[i]];
            if (i > first && filled + size > microTokens) {
                turns.add(Arrays.copyOfRange(rows, first, i));
                first = i;
                filled = 0;
            }
            filled += size;
        }
        if (rows.length > 0) {
            turns.add(Arrays.copyOfRange(rows, first, rows.length));
        }
        return turns;
    }
}
