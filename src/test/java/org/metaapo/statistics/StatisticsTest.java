package org.metaapo.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.commons.math3.stat.inference.TTest;
import org.junit.jupiter.api.Test;

class StatisticsTest {
    private static double[] normal(Random random, int count, double mean, double deviation) {
        return random.doubles(count).map(u -> mean + deviation * random.nextGaussian()).toArray();
    }

    @Test
    void theBootstrapOfOneGroupAgreesWithTheNormalInterval() {
        double[] values = normal(new Random(1), 1000, 3, 2);
        Estimate found = Bootstrap.mean(List.of(values), 7);
        double mean = StatUtils.mean(values);
        double half = 1.96 * Math.sqrt(StatUtils.variance(values) / values.length);
        assertThat(found.mean()).isCloseTo(mean, within(1e-12));
        assertThat(found.low()).isCloseTo(mean - half, within(0.1 * half));
        assertThat(found.high()).isCloseTo(mean + half, within(0.1 * half));
        assertThat(Bootstrap.mean(List.of(values), 7)).isEqualTo(found);
    }

    @Test
    void theBootstrapOfSeveralGroupsHasTheVarianceBetweenThemToo() {
        Random random = new Random(2);
        List<double[]> groups = Arrays.stream(normal(random, 40, 0, 1)).mapToObj(mean -> normal(random, 50, mean, 2)).toList();
        double[] means = groups.stream().mapToDouble(StatUtils::mean).toArray();
        // Drawing groups gives the variance of their means, which holds that within groups already once; drawing within adds it again.
        double within = groups.stream().mapToDouble(g -> StatUtils.populationVariance(g) / g.length).average().orElseThrow();
        double half = 1.96 * Math.sqrt((StatUtils.populationVariance(means) + within) / means.length);
        Estimate found = Bootstrap.mean(groups, 3);
        assertThat(found.mean()).isCloseTo(StatUtils.mean(means), within(1e-12));
        assertThat(found.high() - found.low()).isCloseTo(2 * half, within(0.2 * half));
    }

    @Test
    void groupsOfOtherSizesWeighAlike() {
        Estimate found = Bootstrap.mean(List.of(new double[] {1}, new double[] {3, 3, 3}), 1);
        assertThat(found.mean()).isEqualTo(2);
        assertThat(found.low()).isEqualTo(1);
        assertThat(found.high()).isEqualTo(3);
    }

    @Test
    void aNumberThatIsAMeanIsDrawnAsTheMeanIs() {
        List<double[]> groups = List.of(normal(new Random(4), 30, 1, 2), normal(new Random(5), 20, 0, 1));
        List<Bootstrap.Statistic> statistics = groups.stream().<Bootstrap.Statistic>map(values -> new Bootstrap.Statistic() {
            @Override
            public int size() {
                return values.length;
            }

            @Override
            public double of(int[] times) {
                return IntStream.range(0, times.length).mapToDouble(i -> times[i] * values[i]).sum() / values.length;
            }
        }).toList();
        Estimate found = Bootstrap.of(statistics, 6);
        Estimate mean = Bootstrap.mean(groups, 6);
        assertThat(found.mean()).isCloseTo(mean.mean(), within(1e-12));
        assertThat(found.low()).isCloseTo(mean.low(), within(1e-12));
        assertThat(found.high()).isCloseTo(mean.high(), within(1e-12));
    }

    @Test
    void aLengthControlledRateThatIsDrawnAnewCountsRowsAsOftenAsTheyAreDrawn() {
        Random random = new Random(7);
        List<LengthControl.Row> rows = IntStream.range(0, 60)
                .mapToObj(i -> new LengthControl.Row(i % 4 == 0 ? Double.NaN : random.nextInt(3) / 2.0, 50 + random.nextInt(40), 50 + random.nextInt(60), 0)).toList();
        LengthControl control = LengthControl.of(List.of(), rows);
        int[] once = new int[60];
        Arrays.fill(once, 1);
        assertThat(control.redrawn(once)).isCloseTo(control.winRate(), within(1e-8));
        // Twice the rows are twice the loss against the penalty.
        int[] drawn = IntStream.range(0, 60).map(i -> i % 3).toArray();
        double deviation = Math.sqrt(StatUtils.variance(rows.stream().mapToDouble(row -> row.baselineLength() - row.modelLength()).toArray()));
        List<double[]> repeated = new ArrayList<>();
        List<Double> shares = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            for (int j = 0; j < drawn[i] && !Double.isNaN(rows.get(i).share()); j++) {
                repeated.add(new double[] {Math.tanh((rows.get(i).baselineLength() - rows.get(i).modelLength()) / deviation), 1});
                shares.add(rows.get(i).share());
            }
        }
        double[] ones = new double[repeated.size()];
        Arrays.fill(ones, 1);
        double[] w = new LassoLogistic(
                repeated.toArray(double[][]::new), shares.stream().mapToDouble(share -> share).toArray(), ones, control.selection().c()).fit();
        assertThat(control.redrawn(drawn)).isCloseTo(100 * Logistic.sigmoid(w[1]), within(1e-7));
        assertThat(LengthControl.isPossible(List.of(), rows.subList(0, 6))).isFalse();
        assertThat(LengthControl.isPossible(List.of(), rows.subList(0, 7))).isTrue();
    }

    @Test
    void thePairedTestIsStudentsOnSleepData() {
        // Student (1908): hours of sleep gained with two drugs; t = 4.0621 on 9 degrees of freedom, p = 0.002833.
        double[] first = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
        double[] second = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
        double[] differences = new double[10];
        Arrays.setAll(differences, i -> second[i] - first[i]);
        assertThat(Significance.pairedT(differences)).isCloseTo(0.002833, within(1e-6))
                .isCloseTo(new TTest().pairedTTest(first, second), within(1e-12));
    }

    @Test
    void thePairedTestOfDifferencesWithoutSpread() {
        assertThat(Significance.pairedT(new double[] {0, 0, 0})).isEqualTo(1);
        assertThat(Significance.pairedT(new double[] {1, 1, 1})).isZero();
        assertThat(Significance.pairedT(new double[] {1})).isNaN();
    }

    @Test
    void holmsAdjustment() {
        // By hand: 4·0.01, 3·0.02, then 2·0.03 and 1·0.04, which the third holds at 0.06.
        assertThat(Significance.holm(new double[] {0.02, 0.04, 0.01, 0.03})).containsExactly(new double[] {0.06, 0.06, 0.04, 0.06}, within(1e-15));
        assertThat(Significance.holm(new double[] {0.6, 0.7})).containsExactly(1, 1);
        assertThat(Significance.holm(new double[] {Double.NaN, 0.03, 0.01})).containsExactly(Double.NaN, 0.03, 0.02);
        assertThat(Significance.holm(new double[0])).isEmpty();
    }

    @Test
    void valuesOfOneClusterAreDrawnTogether() {
        List<double[]> questions = IntStream.range(0, 40).mapToObj(i -> new double[] {Math.sin(i)}).toList();
        Estimate single = Bootstrap.pooled(questions, 7);
        assertThat(single.mean()).isCloseTo(Bootstrap.mean(List.of(questions.stream().mapToDouble(one -> one[0]).toArray()), 7).mean(), within(1e-12));
        // Said twice, a thing is no surer.
        Estimate twice = Bootstrap.pooled(questions.stream().map(one -> new double[] {one[0], one[0]}).toList(), 7);
        assertThat(List.of(twice.low(), twice.high())).isEqualTo(List.of(single.low(), single.high()));
        assertThat(Bootstrap.pooled(List.of(new double[] {1}, new double[] {4, 4, 4}), 7).mean()).isEqualTo(3.25);
    }
}
