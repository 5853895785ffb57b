package org.metaapo.statistics;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Iterator;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.ArrayRealVector;
import org.apache.commons.math3.linear.SingularValueDecomposition;
import org.metaapo.error.NumericException;

/**
 * Logistic regression without an intercept: Σ sᵢ·(log(1 + e^zᵢ) − yᵢ·zᵢ) + ½·ridge·‖w‖², zᵢ = xᵢ·w, minimised from a given start, either
 * truly or by a fixed number of steps that other programs take.
 */
public final class LogisticFit {
    private static final int MOST_STEPS = 200;
    private static final int MOST_HALVINGS = 60;
    /** Largest element of the gradient, relative to max(1, Σs). */
    private static final double ASKED = 1e-13;
    private static final double ALLOWED = 1e-9;

    private final double[][] x;
    private final double[] y;
    private final double[] s;
    private final double ridge;

    /**
     * A problem.
     *
     * @param x rows of features
     * @param y labels from 0 to 1
     * @param s weights of the rows; null for 1 each
     * @param ridge weight of the penalty; 0 for none
     */
    public LogisticFit(double[][] x, double[] y, double[] s, double ridge) {
        if (x.length == 0 || y.length != x.length || s != null && s.length != x.length) {
            throw new IllegalArgumentException(x.length + " rows and " + y.length + " labels; expected equally many, and one at least");
        }
        this.x = x;
        this.y = y;
        this.s = s;
        this.ridge = ridge;
    }

    private double weight(int row) {
        return s == null ? 1 : s[row];
    }

    private double loss(double[] w) {
        double loss = 0.5 * ridge * Logistic.product(w, w);
        for (int i = 0; i < x.length; i++) {
            double z = Logistic.product(x[i], w);
            loss += weight(i) * (Logistic.softplus(z) - y[i] * z);
        }
        return loss;
    }

    private double[] gradient(double[] w) {
        double[] gradient = new double[w.length];
        for (int j = 0; j < w.length; j++) {
            gradient[j] = ridge * w[j];
        }
        for (int i = 0; i < x.length; i++) {
            double residual = weight(i) * (Logistic.sigmoid(Logistic.product(x[i], w)) - y[i]);
            for (int j = 0; j < w.length; j++) {
                gradient[j] += residual * x[i][j];
            }
        }
        return gradient;
    }

    private double[][] hessian(double[] w) {
        double[][] hessian = new double[w.length][w.length];
        for (int j = 0; j < w.length; j++) {
            hessian[j][j] = ridge;
        }
        for (int i = 0; i < x.length; i++) {
            double p = Logistic.sigmoid(Logistic.product(x[i], w));
            double curvature = weight(i) * p * (1 - p);
            for (int j = 0; j < w.length; j++) {
                double scaled = curvature * x[i][j];
                for (int k = 0; scaled != 0 && k < w.length; k++) {
                    hessian[j][k] += scaled * x[i][k];
                }
            }
        }
        return hessian;
    }

    /**
     * The minimum, by Newton's method. Where several points are minima, as in models that are only compared with each other, the one next to
     * the start. Labels that a plane separates have no minimum: then the coefficients are large ones, and the fitted
     * probabilities within rounding of 0 and 1.
     *
     * @throws NumericException if the gradient does not vanish
     */
    public double[] newton(double[] start) {
        double total = 0;
        for (int i = 0; i < x.length; i++) {
            total += weight(i);
        }
        double scale = Math.max(1, total);
        double[] w = start.clone();
        double[] gradient = gradient(w);
        for (int step = 0; step < MOST_STEPS && largest(gradient) > ASKED * scale; step++) {
            double[] direction = new SingularValueDecomposition(new Array2DRowRealMatrix(hessian(w), false))
                    .getSolver().solve(new ArrayRealVector(gradient, false)).toArray();
            double[] next = searched(w, direction);
            double[] left = gradient(next);
            if (!(largest(left) < largest(gradient)) && largest(gradient) <= ALLOWED * scale) {
                break;
            }
            w = next;
            gradient = left;
        }
        if (!(largest(gradient) <= ALLOWED * scale)) {
            throw new NumericException("logistic fit of " + x.length + " rows: a gradient of " + largest(gradient) + " is left; expected at most " + ALLOWED * scale);
        }
        return w;
    }

    private double[] searched(double[] w, double[] direction) {
        double from = loss(w);
        double share = 1;
        for (int halving = 0; halving < MOST_HALVINGS; halving++, share /= 2) {
            double[] next = moved(w, direction, -share);
            if (loss(next) <= from + 1e-13 * Math.abs(from)) {
                return next;
            }
        }
        return w;
    }

    /** How {@link #lbfgs} goes: a fixed step in place of a line search. */
    public record Steps(int most, double length, int history, double tolerance) {}

    /**
     * Where L-BFGS with steps of fixed length has come to (two-loop recursion, Nocedal, Math. Comp. 35, 1980), which may be before the minimum.
     * The first step is length·min(1, 1/‖g‖₁) down the gradient; a pair of changes (s, y) is kept where y·s &gt; 1e-10, and the newest scales
     * by y·s/y·y. It ends where an element of the gradient, the slope, a step or the change of the loss is within the tolerance.
     */
    public double[] lbfgs(double[] start, Steps steps) {
        double[] w = start.clone();
        double[] g = gradient(w);
        double loss = loss(w);
        ArrayDeque<Pair> pairs = new ArrayDeque<>();
        double scale = 1;
        double[] d = moved(new double[w.length], g, -1);
        for (int step = 1; largest(g) > steps.tolerance(); step++) {
            double t = step == 1 ? steps.length() * Math.min(1, 1 / Arrays.stream(g).map(Math::abs).sum()) : steps.length();
            if (Logistic.product(g, d) > -steps.tolerance()) {
                break;
            }
            double[] before = g;
            double lossBefore = loss;
            w = moved(w, d, t);
            if (step == steps.most()) {
                break;
            }
            g = gradient(w);
            loss = loss(w);
            if (largest(d) * t <= steps.tolerance() || Math.abs(loss - lossBefore) < steps.tolerance()) {
                break;
            }
            Pair pair = new Pair(moved(new double[w.length], d, t), moved(g, before, -1));
            if (pair.product() > 1e-10) {
                if (pairs.size() == steps.history()) {
                    pairs.removeFirst();
                }
                pairs.addLast(pair);
                scale = pair.product() / Logistic.product(pair.y(), pair.y());
            }
            d = direction(g, pairs, scale);
        }
        return w;
    }

    /** A step and the change of the gradient along it. */
    private record Pair(double[] s, double[] y) {
        double product() {
            return Logistic.product(s, y);
        }
    }

    private static double[] direction(double[] g, ArrayDeque<Pair> pairs, double scale) {
        double[] q = moved(new double[g.length], g, -1);
        double[] alphas = new double[pairs.size()];
        int at = pairs.size();
        for (Iterator<Pair> newest = pairs.descendingIterator(); newest.hasNext(); ) {
            Pair pair = newest.next();
            alphas[--at] = Logistic.product(pair.s(), q) / pair.product();
            q = moved(q, pair.y(), -alphas[at]);
        }
        double[] r = moved(new double[g.length], q, scale);
        for (Pair pair : pairs) {
            r = moved(r, pair.s(), alphas[at++] - Logistic.product(pair.y(), r) / pair.product());
        }
        return r;
    }

    private static double[] moved(double[] from, double[] direction, double by) {
        double[] to = new double[from.length];
        for (int j = 0; j < from.length; j++) {
            to[j] = from[j] + by * direction[j];
        }
        return to;
    }

    private static double largest(double[] values) {
        double most = 0;
        for (double value : values) {
            // NaN is the largest.
            most = Math.max(most, Math.abs(value));
        }
        return most;
    }
}
