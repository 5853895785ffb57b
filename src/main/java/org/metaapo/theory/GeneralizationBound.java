package org.metaapo.theory;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.commons.math3.distribution.TDistribution;
import org.apache.commons.math3.stat.descriptive.SummaryStatistics;
import org.metaapo.engine.PreferenceLoss;

/**
 * MetaAPO's theorem 1 (arXiv 2509.23371) with its quantities measured on a run's own buffer: with probability 1 − δ the risk of the
 * learned weighting exceeds the class's best by at most 4·Rad + M·√(2 ln(1/δ)/m), where m is the number of rows learned from, M
 * the largest loss, and Rad the empirical Rademacher complexity of the weighted losses,
 * E over signs s of sup over h of (1/m) Σ s_i (h(z_i)·L_off,i + (1 − h(z_i))·L_on,i).
 *
 * <p>The expectation is a Monte Carlo mean over draws of signs; the supremum is over a {@link ParameterBall}, by its ascent from the
 * start, from the run's end, and from the last draw's maximum. Beside it stands the measured gap: the risk on held-out rows of the
 * learner that minimises the risk on the m rows, less its risk on these.
 */
final class GeneralizationBound {
    private final MetaBuffer buffer;
    private final MetaBuffer heldOut;
    private final double[] start;
    private final double[] end;
    private final double scoreScale;
    private final Settings settings;
    private final ParameterBall ball;

    /**
     * How it is measured.
     *
     * @param delta δ
     * @param draws of signs
     * @param radius of the ball; 0 for the distance from the run's start to its end
     * @param seed of signs and of the split
     */
    record Settings(double delta, int draws, double radius, long seed) {}

    /**
     * What was found for m rows.
     *
     * @param m rows learned from
     * @param rademacher mean over draws
     * @param halfWidth of its 95 % interval
     * @param largestLoss M
     * @param bound 4·Rad + M·√(2 ln(1/δ)/m)
     * @param risk of the minimiser, on the m rows
     * @param heldOutRisk of the minimiser, on the held-out rows
     */
    record Point(int m, double rademacher, double halfWidth, double largestLoss, double bound, double risk, double heldOutRisk) {
        double gap() {
            return heldOutRisk - risk;
        }
    }

    /** Half of the rows is held out; {@code start} and {@code end} are the run's parameters. */
    GeneralizationBound(MetaBuffer rows, double[] start, double[] end, double scoreScale, Settings settings) {
        MetaBuffer mixed = rows.shuffled(settings.seed());
        this.buffer = mixed.part(0, rows.size() / 2);
        this.heldOut = mixed.part(rows.size() / 2, rows.size());
        this.start = start;
        this.end = end;
        this.scoreScale = scoreScale;
        this.settings = settings;
        this.ball = new ParameterBall(start, settings.radius() > 0 ? settings.radius() : distance(start, end));
    }

    private static double distance(double[] a, double[] b) {
        double[] away = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            away[i] = a[i] - b[i];
        }
        return ParameterBall.norm(away);
    }

    double radius() {
        return ball.radius();
    }

    int heldOutRows() {
        return heldOut.size();
    }

    /** Sizes m to look at: powers of two, and all rows that are not held out. */
    List<Integer> sizes(int largest) {
        int most = Math.min(buffer.size(), largest);
        List<Integer> sizes = new ArrayList<>();
        for (int m = 16; m < most; m *= 2) {
            sizes.add(m);
        }
        sizes.add(most);
        return sizes;
    }

    Point at(int m, Runnable drawn) {
        MetaBuffer rows = buffer.part(0, m);
        Random random = new Random(settings.seed() + m);
        SummaryStatistics suprema = new SummaryStatistics();
        double[] last = end;
        for (int draw = 0; draw < settings.draws(); draw++) {
            double[] signs = random.ints(m, 0, 2).mapToDouble(bit -> 2 * bit - 1).toArray();
            ParameterBall.Best best = null;
            for (double[] from : List.of(start, end, last)) {
                ParameterBall.Best found = ball.maximise(p -> rows.risk(p, scoreScale, signs), from);
                best = best == null || found.value() > best.value() ? found : best;
            }
            last = best.parameters();
            suprema.addValue(best.value());
            drawn.run();
        }
        double half = settings.draws() < 2
                ? Double.NaN
                : new TDistribution(settings.draws() - 1).inverseCumulativeProbability(0.975)
                        * suprema.getStandardDeviation() / Math.sqrt(settings.draws());
        ParameterBall.Best minimiser = ball.maximise(p -> negated(rows.risk(p, scoreScale, null)), end);
        double largest = buffer.largestLoss();
        return new Point(
                m, suprema.getMean(), half, largest,
                4 * suprema.getMean() + largest * Math.sqrt(2 * Math.log(1 / settings.delta()) / m), -minimiser.value(),
                heldOut.risk(minimiser.parameters(), scoreScale, null).loss());
    }

    private static PreferenceLoss.MetaGradient negated(PreferenceLoss.MetaGradient value) {
        double[] gradient = value.gradient().clone();
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] = -gradient[i];
        }
        return new PreferenceLoss.MetaGradient(-value.loss(), gradient, value.weightMean());
    }
}
