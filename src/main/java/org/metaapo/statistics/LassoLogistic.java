package org.metaapo.statistics;

import java.util.Arrays;
import org.metaapo.error.NumericException;

/**
 * Logistic regression with an L1 penalty, soft labels and row weights, and without an intercept: the w that minimises
 * ‖w‖₁ + C·Σ sᵢ·(log(1 + e^zᵢ) − yᵢ·zᵢ), zᵢ = xᵢ·w. Solved by Newton steps whose quadratic model keeps the penalty (proximal Newton, Lee,
 * Sun and Saunders, SIAM J. Optim. 24, 2014), the model by coordinate descent.
 */
public final class LassoLogistic {
    /** Largest violation of the optimality conditions, relative to max(1, C·Σs), that is asked for and that is let pass. */
    private static final double ASKED = 1e-14;
    private static final double ALLOWED = 1e-10;
    private static final int MOST_STEPS = 500;
    private static final int MOST_SWEEPS = 20_000;
    private static final int MOST_HALVINGS = 60;

    private final double[][] x;
    private final double[] y;
    private final double[] s;
    private final double c;
    private final int features;

    private double[] gradient;
    private double[][] hessian;

    /**
     * A problem.
     *
     * @param x rows of features
     * @param y labels from 0 to 1
     * @param s weights of the rows
     * @param c weight of the loss against the penalty
     */
    public LassoLogistic(double[][] x, double[] y, double[] s, double c) {
        if (x.length == 0 || y.length != x.length || s.length != x.length) {
            throw new IllegalArgumentException(x.length + " rows, " + y.length + " labels and " + s.length + " weights; expected equally many, and one at least");
        }
        this.x = x;
        this.y = y;
        this.s = s;
        this.c = c;
        this.features = x[0].length;
    }

    /**
     * The coefficients.
     *
     * @throws NumericException if the optimality conditions are not met in the end
     */
    public double[] fit() {
        double scale = Math.max(1, c * Arrays.stream(s).sum());
        double[] w = new double[features];
        derive(w);
        double violation = violation(w);
        for (int step = 0; step < MOST_STEPS && violation > ASKED * scale; step++) {
            double[] next = searched(w, modelMinimum(w));
            derive(next);
            double left = violation(next);
            // The objective has met its rounding: of the last two points the better one is kept.
            if (!(left < violation) && violation <= ALLOWED * scale) {
                break;
            }
            w = next;
            violation = left;
        }
        if (!(violation <= ALLOWED * scale)) {
            throw new NumericException("logistic fit with C = " + c + ": violates its optimality conditions by " + violation + "; expected at most " + ALLOWED * scale);
        }
        return w;
    }

    private double objective(double[] w) {
        double loss = 0;
        for (int i = 0; i < x.length; i++) {
            double z = Logistic.product(x[i], w);
            loss += s[i] * (Logistic.softplus(z) - y[i] * z);
        }
        return Arrays.stream(w).map(Math::abs).sum() + c * loss;
    }

    private void derive(double[] w) {
        gradient = new double[features];
        hessian = new double[features][features];
        for (int i = 0; i < x.length; i++) {
            double p = Logistic.sigmoid(Logistic.product(x[i], w));
            double residual = c * s[i] * (p - y[i]);
            double curvature = c * s[i] * p * (1 - p);
            for (int j = 0; j < features; j++) {
                gradient[j] += residual * x[i][j];
                for (int k = 0; k <= j; k++) {
                    hessian[j][k] += curvature * x[i][j] * x[i][k];
                }
            }
        }
        for (int j = 0; j < features; j++) {
            for (int k = 0; k < j; k++) {
                hessian[k][j] = hessian[j][k];
            }
        }
    }

    private double violation(double[] w) {
        double most = 0;
        for (int j = 0; j < features; j++) {
            most = Math.max(most, w[j] == 0 ? Math.abs(gradient[j]) - 1 : Math.abs(gradient[j] + Math.signum(w[j])));
        }
        return most;
    }

    /** Minimises gradient·(v − w) + ½(v − w)ᵀ·hessian·(v − w) + ‖v‖₁. */
    private double[] modelMinimum(double[] w) {
        double[] v = w.clone();
        double[] slope = gradient.clone();
        for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
            double moved = 0;
            for (int j = 0; j < features; j++) {
                double curvature = hessian[j][j];
                if (curvature <= 0) {
                    continue;
                }
                double target = softThreshold(v[j] - slope[j] / curvature, 1 / curvature);
                double change = target - v[j];
                if (change == 0) {
                    continue;
                }
                v[j] = target;
                for (int k = 0; k < features; k++) {
                    slope[k] += hessian[k][j] * change;
                }
                moved = Math.max(moved, Math.abs(change) / Math.max(1, Math.abs(target)));
            }
            if (moved < 1e-16) {
                break;
            }
        }
        return v;
    }

    private static double softThreshold(double value, double by) {
        return Math.signum(value) * Math.max(0, Math.abs(value) - by);
    }

    /** The point between w and the model's minimum, next to the latter, where the objective does not grow. */
    private double[] searched(double[] w, double[] target) {
        double from = objective(w);
        double rounding = 1e-13 * Math.abs(from);
        double share = 1;
        for (int halving = 0; halving < MOST_HALVINGS; halving++, share /= 2) {
            double[] next = new double[features];
            for (int j = 0; j < features; j++) {
                next[j] = share == 1 ? target[j] : w[j] + share * (target[j] - w[j]);
            }
            if (objective(next) <= from + rounding) {
                return next;
            }
        }
        return w;
    }
}
