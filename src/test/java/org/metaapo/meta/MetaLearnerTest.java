package org.metaapo.meta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.Weighting;

/** The meta-learner with several inputs. With one input PreferenceLossTest compares it with the authors'. */
class MetaLearnerTest {
    private static final int INPUTS = 3;
    private static final int HIDDEN = 4;

    /** h as it is written in the paper, for x = (score, features). */
    private static double h(double[] p, double... x) {
        int b1 = HIDDEN * x.length;
        int w2 = b1 + HIDDEN;
        double logit = p[w2 + HIDDEN];
        for (int i = 0; i < HIDDEN; i++) {
            double sum = p[b1 + i];
            for (int j = 0; j < x.length; j++) {
                sum += p[i * x.length + j] * x[j];
            }
            logit += p[w2 + i] * Math.tanh(sum);
        }
        return 1 / (1 + Math.exp(-logit));
    }

    private static double[] uniform(Random random, int n) {
        return random.doubles(n).map(u -> 2 * u - 1).toArray();
    }

    @Test
    void weightsAreThePapersFormula() {
        Random random = new Random(3);
        double[] p = MetaLearner.randomStart(HIDDEN, INPUTS, 5);
        double[] scores = uniform(random, 6);
        double[] features = uniform(random, 12);
        double[] weights = PreferenceLoss.weights(Weighting.learned(p, 1, INPUTS).withFeatures(features), scores);
        for (int i = 0; i < 6; i++) {
            assertThat(weights[i]).isCloseTo(h(p, scores[i], features[2 * i], features[2 * i + 1]), within(1e-14));
        }
        Pairs pairs = new Pairs(new int[] {0, 2}, new int[] {1, 3}, null, null, null, null);
        double[] sums = {-1.0, -2.5, -3.0, -1.4};
        PairResults r = PreferenceLoss.evaluate(
                pairs, sums, Objective.dpo(0.1), Weighting.learned(p, 0.5, INPUTS).withFeatures(Arrays.copyOf(features, 4)), 1);
        for (int i = 0; i < 2; i++) {
            double score = -Math.log1p(Math.exp(-0.5 * (sums[2 * i] - sums[2 * i + 1])));
            assertThat(r.weight()[i]).isCloseTo(h(p, score, features[2 * i], features[2 * i + 1]), within(1e-14));
        }
    }

    @Test
    void gradientIsADifference() {
        Random random = new Random(4);
        int n = 5;
        double[] p = MetaLearner.randomStart(HIDDEN, INPUTS, 6);
        double[] scores = uniform(random, n);
        double[] features = uniform(random, n * (INPUTS - 1));
        double[] offline = uniform(random, n);
        double[] online = uniform(random, n);
        PreferenceLoss.MetaGradient found = PreferenceLoss.metaGradient(
                Weighting.learned(p, 1, INPUTS).withFeatures(features), scores, offline, online);
        for (int i = 0; i < p.length; i++) {
            double step = 1e-5;
            double[] up = p.clone();
            double[] down = p.clone();
            up[i] += step;
            down[i] -= step;
            double rise = loss(up, scores, features, offline, online) - loss(down, scores, features, offline, online);
            assertThat(found.gradient()[i]).as("parameter " + i).isCloseTo(rise / (2 * step), within(1e-9));
        }
        assertThat(found.loss()).isCloseTo(loss(p, scores, features, offline, online), within(1e-14));
    }

    private static double loss(double[] p, double[] scores, double[] features, double[] offline, double[] online) {
        double sum = 0;
        for (int i = 0; i < scores.length; i++) {
            double w = h(p, scores[i], features[2 * i], features[2 * i + 1]);
            sum += w * offline[i] + (1 - w) * online[i];
        }
        return sum / scores.length;
    }

    /** Features that are always 0 change nothing but the unused columns of W₁, which decay. */
    @Test
    void zeroFeaturesAreTheScoreAlone() {
        MetaLearner one = new MetaLearner(MetaLearner.referenceStart(HIDDEN, 1), 1, 1, 5e-3, 1e-4);
        MetaLearner three = new MetaLearner(MetaLearner.referenceStart(HIDDEN, INPUTS), INPUTS, 1, 5e-3, 1e-4);
        Random random = new Random(7);
        for (int update = 0; update < 3; update++) {
            for (int i = 0; i < 8; i++) {
                double[] x = uniform(random, 3);
                one.add(x[0], null, x[1], x[2]);
                three.add(x[0], new double[INPUTS - 1], x[1], x[2]);
            }
            assertThat(three.update()).isEqualTo(one.update());
        }
        double[] p = one.parameters();
        double[] q = three.parameters();
        for (int i = 0; i < HIDDEN; i++) {
            assertThat(q[i * INPUTS]).isEqualTo(p[i]);
            assertThat(q[i * INPUTS + 1]).isBetween(0.0999, 0.1);
        }
        assertThat(Arrays.copyOfRange(q, HIDDEN * INPUTS, q.length)).isEqualTo(Arrays.copyOfRange(p, HIDDEN, p.length));
    }

    /** Online answers are better where the first feature is high: w falls there and rises elsewhere. */
    @Test
    void aFeatureIsLearned() {
        MetaLearner learner = new MetaLearner(MetaLearner.randomStart(HIDDEN, 2, 1), 2, 1, 5e-2, 0);
        Random random = new Random(8);
        for (int update = 0; update < 100; update++) {
            for (int i = 0; i < 16; i++) {
                boolean high = random.nextBoolean();
                learner.add(-random.nextDouble(), new double[] {high ? 1 : -1}, high ? 1 : 0, high ? 0 : 1);
            }
            learner.update();
        }
        double[] w = PreferenceLoss.weights(learner.weighting().withFeatures(new double[] {1, -1}), new double[] {-0.5, -0.5});
        assertThat(w[0]).isLessThan(0.1);
        assertThat(w[1]).isGreaterThan(0.9);
    }

    @Test
    void stateGoesOnInTheSameBits() {
        MetaLearner learner = new MetaLearner(MetaLearner.randomStart(HIDDEN, INPUTS, 2), INPUTS, 1, 5e-3, 1e-4);
        learner.add(-0.3, new double[] {0.1, 0.2}, 0.7, 0.6);
        learner.update();
        learner.add(-0.4, new double[] {0.3, -0.2}, 0.5, 0.9);
        MetaLearner.State state = learner.state();
        assertThat(state.buffer()).hasSize(1);
        assertThat(state.buffer().get(0)).containsExactly(-0.4, 0.3, -0.2, 0.5, 0.9);
        MetaLearner other = new MetaLearner(MetaLearner.referenceStart(HIDDEN, INPUTS), INPUTS, 1, 5e-3, 1e-4);
        other.restore(state);
        assertThat(other.update()).isEqualTo(learner.update());
        assertThat(other.parameters()).isEqualTo(learner.parameters());
    }

    @Test
    void wrongFeaturesAndStatesAreRefused() {
        MetaLearner learner = new MetaLearner(MetaLearner.referenceStart(2, INPUTS), INPUTS, 1, 5e-3, 1e-4);
        assertThatThrownBy(() -> learner.add(-0.3, new double[] {1}, 0.7, 0.6)).hasMessageContaining("1 features; expected 2");
        assertThatThrownBy(() -> learner.add(-0.3, null, 0.7, 0.6)).hasMessageContaining("0 features; expected 2");
        MetaLearner.State state = new MetaLearner.State(
                learner.parameters(), learner.parameters(), learner.parameters(), 0,
                List.of(new double[] {-0.3, 0.7, 0.6}));
        assertThatThrownBy(() -> learner.restore(state)).hasMessageContaining("rows of 5 numbers, the state's of 3");
    }
}
