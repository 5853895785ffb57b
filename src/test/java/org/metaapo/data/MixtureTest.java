package org.metaapo.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Weights are kept to the row, and every row comes up in its turn. */
class MixtureTest {
    /** Sources of 100, 10 and 50 rows. */
    private static final List<Integer> ENDS = List.of(100, 110, 160);

    private static long in(int[] order, int from, int to) {
        return Arrays.stream(order).filter(row -> row >= from && row < to).count();
    }

    @Test
    void withoutWeightsAnEpochIsEveryRowOnce() {
        Mixture mixture = new Mixture(ENDS, List.of(), 7, true);
        assertThat(mixture.rows()).isEqualTo(160);
        assertThat(mixture.order(3)).isEqualTo(Shuffle.order(160, 7, 3, true));
    }

    @Test
    void sharesAreThoseOfTheWeights() {
        for (boolean shuffle : new boolean[] {true, false}) {
            int[] order = new Mixture(ENDS, List.of(1.0, 1.0, 2.0), 7, shuffle).order(0);
            assertThat(order).hasSize(160);
            assertThat(in(order, 0, 100)).isEqualTo(40);
            assertThat(in(order, 100, 110)).isEqualTo(40);
            assertThat(in(order, 110, 160)).isEqualTo(80);
        }
        int[] order = new Mixture(ENDS, List.of(1.0, 1.0, 1.0), 7, true).order(0);
        assertThat(order).hasSize(160);
        assertThat(in(order, 100, 110)).isBetween(53L, 54L);
        assertThat(in(new Mixture(ENDS, List.of(0.0, 1.0, 0.0), 7, true).order(5), 100, 110)).isEqualTo(160);
    }

    @Test
    void aSourcesRowsComeInTurnEpochAfterEpoch() {
        Mixture mixture = new Mixture(ENDS, List.of(1.0, 1.0, 2.0), 7, true);
        int[] seen = new int[160];
        for (int epoch = 0; epoch < 5; epoch++) {
            for (int row : mixture.order(epoch)) {
                seen[row]++;
            }
        }
        // 200 picks of 100 rows, 200 of 10, 400 of 50: every row equally often.
        assertThat(IntStream.range(0, 100)).allMatch(row -> seen[row] == 2);
        assertThat(IntStream.range(100, 110)).allMatch(row -> seen[row] == 20);
        assertThat(IntStream.range(110, 160)).allMatch(row -> seen[row] == 8);
    }

    @Test
    void anEpochIsAFunctionOfSeedAndEpochAlone() {
        List<Double> weights = List.of(1.0, 1.0, 2.0);
        int[] order = new Mixture(ENDS, weights, 7, true).order(4);
        assertThat(new Mixture(ENDS, weights, 7, true).order(4)).isEqualTo(order);
        assertThat(new Mixture(ENDS, weights, 8, true).order(4)).isNotEqualTo(order);
        assertThat(new Mixture(ENDS, weights, 7, true).order(5)).isNotEqualTo(order);
    }

    @Test
    void withoutShuffleTheSourcesAlternate() {
        int[] order = new Mixture(List.of(2, 8), List.of(1.0, 3.0), 7, false).order(0);
        assertThat(order).containsExactly(2, 0, 3, 4, 5, 1, 6, 7);
    }
}
