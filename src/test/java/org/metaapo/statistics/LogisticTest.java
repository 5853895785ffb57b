package org.metaapo.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Logistic fits: the conditions of their optimum, and what happens where there is none. */
class LogisticTest {
    private final Random random = new Random(7);

    private double[][] features(int rows, int columns) {
        double[][] x = new double[rows][columns];
        for (double[] row : x) {
            Arrays.setAll(row, j -> random.nextGaussian());
        }
        return x;
    }

    private double[] numbers(int count) {
        return random.doubles(count).toArray();
    }

    @Test
    void theOptimalityConditionsOfThePenaltyHold() {
        for (double c : new double[] {1e-4, 0.01, 0.05, 1, 100, 1e4}) {
            double[][] x = features(300, 6);
            double[] y = numbers(300);
            double[] s = numbers(300);
            double[] w = new LassoLogistic(x, y, s, c).fit();
            double bound = 1e-10 * Math.max(1, c * Arrays.stream(s).sum());
            for (int j = 0; j < w.length; j++) {
                double slope = 0;
                for (int i = 0; i < x.length; i++) {
                    slope += c * s[i] * (1 / (1 + Math.exp(-Logistic.product(x[i], w))) - y[i]) * x[i][j];
                }
                assertThat(w[j] == 0 ? Math.max(0, Math.abs(slope) - 1) : Math.abs(slope + Math.signum(w[j]))).isLessThanOrEqualTo(bound);
            }
        }
        assertThat(new LassoLogistic(features(50, 3), numbers(50), numbers(50), 1e-6).fit()).containsOnly(0.0);
        // A feature that is 0 everywhere explains nothing.
        assertThat(new LassoLogistic(new double[][] {{0, 1}, {0, -1}}, new double[] {1, 0}, new double[] {5, 5}, 10).fit()[0]).isZero();
    }

    @Test
    void theFirstOfEquallyGoodPenaltiesIsChosen() {
        double[][] x = features(20, 2);
        LassoSelection found = LassoSelection.of(x, numbers(20), numbers(20), new double[] {1e-9, 1e-8});
        assertThat(found.scores()[0]).isEqualTo(found.scores()[1]);
        assertThat(found.c()).isEqualTo(1e-9);
    }

    @Test
    void newtonEndsWhereTheGradientVanishes() {
        double[][] x = features(200, 4);
        double[] y = numbers(200);
        double[] w = new LogisticFit(x, y, null, 0.5).newton(new double[4]);
        for (int j = 0; j < 4; j++) {
            double slope = 0.5 * w[j];
            for (int i = 0; i < x.length; i++) {
                slope += (Logistic.sigmoid(Logistic.product(x[i], w)) - y[i]) * x[i][j];
            }
            assertThat(slope).isCloseTo(0, within(1e-10));
        }
        // Rows that are counted twice are rows that are there twice.
        double[] twos = new double[200];
        Arrays.fill(twos, 2);
        assertThat(new LogisticFit(x, y, twos, 1).newton(new double[4])).containsExactly(w, within(1e-10));
        // Enough steps of fixed length come to the same point.
        assertThat(new LogisticFit(x, y, null, 0.5).lbfgs(new double[4], new LogisticFit.Steps(2000, 0.1, 100, 1e-12))).containsExactly(w, within(1e-5));
    }

    @Test
    void whoWinsAllHasAProbabilityWithinRoundingOfOne() {
        double[][] x = {{1, -1}, {1, -1}, {1, -1}};
        double[] w = new LogisticFit(x, new double[] {1, 1, 1}, null, 0).newton(new double[2]);
        assertThat(Logistic.sigmoid(w[0] - w[1])).isCloseTo(1, within(1e-9));
        assertThat(w[0]).isCloseTo(-w[1], within(1e-12));
    }

    @Test
    void quantilesLieBetweenNeighbours() {
        double[] values = {4, 1, 3, 2};
        assertThat(RowBootstrap.quantile(values, 0)).isEqualTo(1);
        assertThat(RowBootstrap.quantile(values, 0.5)).isEqualTo(2.5);
        assertThat(RowBootstrap.quantile(values, 0.05)).isCloseTo(1.15, within(1e-12));
        assertThat(new RowBootstrap(1, 3).draw()).containsExactly(0);
    }

    @Test
    void rowsAreDrawnAsNumPyDrawsThem() {
        // numpy.random.RandomState(42).randint(0, 10, 10)
        assertThat(new RowBootstrap(10, 42).draw()).containsExactly(6, 3, 7, 4, 6, 9, 2, 6, 7, 4);
    }
}
