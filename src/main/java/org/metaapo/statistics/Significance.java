package org.metaapo.statistics;

import java.util.Arrays;
import java.util.Comparator;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.commons.math3.stat.inference.TTest;

/** Tests of paired differences. */
public final class Significance {
    private Significance() {}

    /**
     * Two-sided p-value of the paired t test: how likely a mean difference at least as large is where the true one is 0.
     *
     * @param differences of each pair
     * @return 1 where all differences are 0; NaN for fewer than two
     */
    public static double pairedT(double[] differences) {
        if (differences.length < 2) {
            return Double.NaN;
        }
        if (StatUtils.variance(differences) == 0) {
            return differences[0] == 0 ? 1 : 0;
        }
        return new TTest().tTest(0, differences);
    }

    /**
     * p-values adjusted for being several (Holm, Scand. J. Statist. 6, 1979): the family-wise error rate is kept, whatever the
     * tests depend on. NaN stays NaN and does not count.
     */
    public static double[] holm(double[] p) {
        Integer[] order = new Integer[p.length];
        Arrays.setAll(order, i -> i);
        order = Arrays.stream(order).filter(i -> !Double.isNaN(p[i])).sorted(Comparator.comparingDouble(i -> p[i])).toArray(Integer[]::new);
        double[] adjusted = new double[p.length];
        Arrays.fill(adjusted, Double.NaN);
        double largest = 0;
        for (int rank = 0; rank < order.length; rank++) {
            largest = Math.max(largest, Math.min(1, (order.length - rank) * p[order[rank]]));
            adjusted[order[rank]] = largest;
        }
        return adjusted;
    }
}
