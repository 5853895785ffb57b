package org.metaapo.statistics;

/** The logistic function and what belongs to it, without overflow. */
public final class Logistic {
    private Logistic() {}

    /** σ(z) = 1 / (1 + e^−z). */
    public static double sigmoid(double z) {
        if (z >= 0) {
            return 1 / (1 + Math.exp(-z));
        }
        double e = Math.exp(z);
        return e / (1 + e);
    }

    /** log(1 + e^z). */
    static double softplus(double z) {
        return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
    }

    /** x·w. */
    public static double product(double[] x, double[] w) {
        double sum = 0;
        for (int j = 0; j < x.length; j++) {
            sum += x[j] * w[j];
        }
        return sum;
    }
}
