package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.metaapo.ranks.SharedWork;

class SharesTest {
    /** Lengths around 500 tokens with a coefficient of variation of 0.5, as a lognormal has it. */
    private static long[] lengths(int rows, long seed) {
        Random random = new Random(seed);
        double sigma = Math.sqrt(Math.log(1 + 0.5 * 0.5));
        return IntStream.range(0, rows).mapToLong(i -> Math.max(8, Math.round(500 * Math.exp(sigma * random.nextGaussian() - sigma * sigma / 2)))).toArray();
    }

    @Test
    void rowsOfUnequalLengthsAreWellBalanced() {
        for (long seed = 0; seed < 20; seed++) {
            long[] tokens = lengths(128, seed);
            long most = Arrays.stream(Shares.of(tokens, 8, 4096).rows()).mapToLong(rows -> Arrays.stream(rows).mapToLong(i -> tokens[i]).sum()).max().orElseThrow();
            double balance = Arrays.stream(tokens).sum() / 8.0 / most;
            assertThat(balance).as("balance with seed " + seed).isGreaterThanOrEqualTo(0.97);
        }
    }

    @Test
    @DisplayName("ms-swift#8102: unequal micro-batches hang; pytorch#25162: each row once")
    void everyRankHasAsManyTurnsAndEveryRowIsInOne() {
        for (int rows : new int[] {0, 1, 2, 5, 64}) {
            for (int ranks : new int[] {1, 2, 3, 8}) {
                long[] tokens = lengths(rows, rows);
                Shares shares = Shares.of(tokens, ranks, 1200);
                assertThat(shares.turns()).hasSize(ranks);
                List<Integer> all = new ArrayList<>();
                for (int rank = 0; rank < ranks; rank++) {
                    List<int[]> turns = shares.turns().get(rank);
                    assertThat(turns).hasSameSizeAs(shares.turns().get(0));
                    List<Integer> own = new ArrayList<>();
                    for (int[] turn : turns) {
                        assertThat(turn.length <= 1 || Arrays.stream(turn).mapToLong(i -> tokens[i]).sum() <= 1200).isTrue();
                        Arrays.stream(turn).forEach(own::add);
                    }
                    assertThat(own).isSorted().isEqualTo(Arrays.stream(shares.rows()[rank]).boxed().toList());
                    all.addAll(own);
                }
                assertThat(all).containsExactlyInAnyOrderElementsOf(IntStream.range(0, rows).boxed().toList());
            }
        }
    }

    @Test
    void oneRankTakesRowsInTheirOrderAndCutsWhereTheTokensAreFull() {
        assertThat(Shares.of(new long[] {300, 500, 200, 900, 100, 1}, 1, 1000).turns().get(0))
                .usingRecursiveComparison().isEqualTo(List.of(new int[] {0, 1, 2}, new int[] {3, 4}, new int[] {5}));
        assertThat(Shares.of(new long[] {1500, 10}, 1, 1000).turns().get(0))
                .usingRecursiveComparison().isEqualTo(List.of(new int[] {0}, new int[] {1}));
    }

    @Test
    void promptsAreDealtInTurn() {
        assertThat(SharedWork.inTurn(5, 2)).isDeepEqualTo(new int[][] {{0, 2, 4}, {1, 3}});
        assertThat(SharedWork.inTurn(1, 3)).isDeepEqualTo(new int[][] {{0}, {}, {}});
    }
}
