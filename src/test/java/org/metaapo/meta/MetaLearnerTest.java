package org.metaapo.meta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.engine.MetaShape;
import org.metaapo.engine.Objective;
import org.metaapo.engine.PairResults;
import org.metaapo.engine.Pairs;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.Weighting;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** The meta-learner with several inputs, and of several layers. With one input PreferenceLossTest compares it with the authors'. */
class MetaLearnerTest {
    private static final int INPUTS = 3;
    private static final int HIDDEN = 4;

    private static MetaShape two(int hidden, int inputs) {
        return new MetaShape(2, inputs, hidden);
    }

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
        double[] p = MetaLearner.randomStart(two(HIDDEN, INPUTS), 5);
        double[] scores = uniform(random, 6);
        double[] features = uniform(random, 12);
        double[] weights = PreferenceLoss.weights(Weighting.learned(p, 1, two(HIDDEN, INPUTS)).withFeatures(features), scores);
        for (int i = 0; i < 6; i++) {
            assertThat(weights[i]).isCloseTo(h(p, scores[i], features[2 * i], features[2 * i + 1]), within(1e-14));
        }
        Pairs pairs = new Pairs(new int[] {0, 2}, new int[] {1, 3}, null, null, null, null);
        double[] sums = {-1.0, -2.5, -3.0, -1.4};
        PairResults r = PreferenceLoss.evaluate(
                pairs, sums, Objective.dpo(0.1), Weighting.learned(p, 0.5, two(HIDDEN, INPUTS)).withFeatures(Arrays.copyOf(features, 4)), 1);
        for (int i = 0; i < 2; i++) {
            double score = -Math.log1p(Math.exp(-0.5 * (sums[2 * i] - sums[2 * i + 1])));
            assertThat(r.weight()[i]).isCloseTo(h(p, score, features[2 * i], features[2 * i + 1]), within(1e-14));
        }
    }

    @Test
    void gradientIsADifference() {
        Random random = new Random(4);
        int n = 5;
        double[] p = MetaLearner.randomStart(two(HIDDEN, INPUTS), 6);
        double[] scores = uniform(random, n);
        double[] features = uniform(random, n * (INPUTS - 1));
        double[] offline = uniform(random, n);
        double[] online = uniform(random, n);
        PreferenceLoss.MetaGradient found = PreferenceLoss.metaGradient(
                Weighting.learned(p, 1, two(HIDDEN, INPUTS)).withFeatures(features), scores, offline, online);
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
        MetaLearner one = new MetaLearner(two(HIDDEN, 1), MetaLearner.referenceStart(two(HIDDEN, 1)), 1, 5e-3, 1e-4);
        MetaLearner three = new MetaLearner(two(HIDDEN, INPUTS), MetaLearner.referenceStart(two(HIDDEN, INPUTS)), 1, 5e-3, 1e-4);
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
        MetaLearner learner = new MetaLearner(two(HIDDEN, 2), MetaLearner.randomStart(two(HIDDEN, 2), 1), 1, 5e-2, 0);
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
        MetaLearner learner = new MetaLearner(two(HIDDEN, INPUTS), MetaLearner.randomStart(two(HIDDEN, INPUTS), 2), 1, 5e-3, 1e-4);
        learner.add(-0.3, new double[] {0.1, 0.2}, 0.7, 0.6);
        learner.update();
        learner.add(-0.4, new double[] {0.3, -0.2}, 0.5, 0.9);
        MetaLearner.State state = learner.state();
        assertThat(state.buffer()).hasSize(1);
        assertThat(state.buffer().get(0)).containsExactly(-0.4, 0.3, -0.2, 0.5, 0.9);
        MetaLearner other = new MetaLearner(two(HIDDEN, INPUTS), MetaLearner.referenceStart(two(HIDDEN, INPUTS)), 1, 5e-3, 1e-4);
        other.restore(state);
        assertThat(other.update()).isEqualTo(learner.update());
        assertThat(other.parameters()).isEqualTo(learner.parameters());
    }

    @Test
    void wrongFeaturesAndStatesAreRefused() {
        MetaLearner learner = new MetaLearner(two(2, INPUTS), MetaLearner.referenceStart(two(2, INPUTS)), 1, 5e-3, 1e-4);
        assertThatThrownBy(() -> learner.add(-0.3, new double[] {1}, 0.7, 0.6)).hasMessageContaining("1 features; expected 2");
        assertThatThrownBy(() -> learner.add(-0.3, null, 0.7, 0.6)).hasMessageContaining("0 features; expected 2");
        MetaLearner.State state = new MetaLearner.State(
                learner.parameters(), learner.parameters(), learner.parameters(), 0,
                List.of(new double[] {-0.3, 0.7, 0.6}));
        assertThatThrownBy(() -> learner.restore(state)).hasMessageContaining("rows of 5 numbers, the state's of 3");
    }

    private static double[] numbers(JsonNode array) {
        double[] values = new double[array.size()];
        Arrays.setAll(values, i -> array.get(i).asDouble());
        return values;
    }

    private static void close(double[] found, JsonNode expected) {
        double[] values = numbers(expected);
        assertThat(found).hasSameSizeAs(values);
        for (int i = 0; i < values.length; i++) {
            assertThat(found[i]).as("number " + i).isCloseTo(values[i], within(1e-12 * Math.max(1, Math.abs(values[i]))));
        }
    }

    /** Weights, gradients and AdamW updates of Linear, Tanh and Sigmoid in PyTorch 2.15, all in f64. */
    @Test
    void learnersOfAllLayersAreTorchs() {
        JsonNode golden = Json.read(Fixtures.path("meta-layers.golden.json"));
        List<Integer> layers = new ArrayList<>();
        for (JsonNode one : golden.path("cases")) {
            MetaShape shape = new MetaShape(one.path("layers").asInt(), one.path("inputs").asInt(), one.path("hidden").asInt());
            layers.add(shape.layers());
            MetaLearner learner = new MetaLearner(
                    shape, numbers(one.path("start")), 1, golden.path("learning_rate").asDouble(), golden.path("weight_decay").asDouble());
            for (JsonNode update : one.path("updates")) {
                int n = update.path("rows").size();
                int width = shape.inputs() - 1;
                double[] scores = new double[n];
                double[] features = new double[n * width];
                double[] offline = new double[n];
                double[] online = new double[n];
                for (int i = 0; i < n; i++) {
                    double[] row = numbers(update.path("rows").get(i));
                    double[] rest = Arrays.copyOfRange(row, 1, 1 + width);
                    scores[i] = row[0];
                    System.arraycopy(rest, 0, features, i * width, width);
                    offline[i] = row[1 + width];
                    online[i] = row[2 + width];
                    learner.add(row[0], rest, offline[i], online[i]);
                }
                Weighting weighting = learner.weighting().withFeatures(features);
                close(PreferenceLoss.weights(weighting, scores), update.path("weights"));
                close(PreferenceLoss.metaGradient(weighting, scores, offline, online).gradient(), update.path("gradient"));
                assertThat(learner.update().loss()).isCloseTo(update.path("loss").asDouble(), within(1e-13));
            }
            close(learner.parameters(), one.path("end"));
        }
        assertThat(layers).containsExactly(1, 1, 2, 2, 3, 3);
    }

    /** Of h(log ½), which is where a run begins that is its own reference: what the key meta.init says. */
    @ParameterizedTest
    @CsvSource({"1, 0, 0.483", "2, 100, 0.334", "3, 100, 0.002"})
    void theReferenceStartIsTheAuthorsInEachLayer(int layers, int hidden, double weight) {
        MetaShape shape = new MetaShape(layers, 1, hidden);
        double[] p = MetaLearner.referenceStart(shape);
        for (int layer = 1; layer <= layers; layer++) {
            for (long i = shape.before(layer); i < shape.before(layer + 1); i++) {
                assertThat(p[(int) i]).isEqualTo(i < shape.before(layer) + shape.weights(layer) ? 0.1 : 0);
            }
        }
        double[] w = PreferenceLoss.weights(Weighting.learned(p, 1, shape), new double[] {Math.log(0.5)});
        assertThat(w[0]).isCloseTo(weight, within(5e-4));
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 0.5", "2, 1, 0.5", "2, 3, 0.25", "3, 1, 0.5", "3, 2, 0.9"})
    void aStartCanGiveAWeightToTheRowsOnWhichPolicyAndReferenceAgree(int layers, int inputs, double weight) {
        MetaShape shape = new MetaShape(layers, inputs, layers == 1 ? 0 : 100);
        for (double[] start : List.of(MetaLearner.referenceStart(shape), MetaLearner.randomStart(shape, 5))) {
            double[] p = MetaLearner.startingAt(weight, start, shape);
            Weighting weighting = Weighting.learned(p, 0.1, shape).withFeatures(new double[3 * (inputs - 1)]);
            double[] w = PreferenceLoss.weights(weighting, new double[] {Math.log(0.5), Math.log(0.3), Math.log(0.7)});
            assertThat(w[0]).isCloseTo(weight, within(1e-9));
            // Nothing but the last bias is another.
            assertThat(Arrays.copyOf(p, p.length - 1)).isEqualTo(Arrays.copyOf(start, start.length - 1));
            assertThat(start[start.length - 1]).isNotEqualTo(p[p.length - 1]);
        }
    }

    /** Torch's Linear draws weights and biases in ±1/√(fan-in). */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void theRandomStartIsInTheBoundsOfEachLayer(int layers) {
        MetaShape shape = new MetaShape(layers, 4, layers == 1 ? 0 : 25);
        double[] p = MetaLearner.randomStart(shape, 3);
        for (int layer = 1; layer <= layers; layer++) {
            double bound = layer == 1 ? 0.5 : 0.2;
            double[] part = Arrays.copyOfRange(p, (int) shape.before(layer), (int) shape.before(layer + 1));
            assertThat(part).hasSize(layer == layers ? (layer == 1 ? 5 : 26) : layer == 1 ? 125 : 650);
            assertThat(Arrays.stream(part).map(Math::abs).max().orElseThrow()).isBetween(bound / 4, bound);
        }
        assertThat(MetaLearner.randomStart(shape, 3)).isEqualTo(p);
        assertThat(MetaLearner.randomStart(shape, 4)).isNotEqualTo(p);
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 2, 0", "1, 3, 4, 0", "2, 1, 301, 100", "2, 3, 21, 4", "3, 1, 10401, 100", "3, 3, 41, 4", "3, 1, 6, 1", "3, 256, 1313793, 1024"})
    void theShapeIsThatWithSoManyParameters(int layers, int inputs, int parameters, int hidden) {
        MetaShape shape = MetaShape.of(layers, inputs, parameters);
        assertThat(shape).isEqualTo(new MetaShape(layers, inputs, hidden));
        assertThat(shape.parameters()).isEqualTo(parameters);
        assertThatThrownBy(() -> MetaShape.of(layers, inputs, parameters + 1)).hasMessageContaining((parameters + 1) + " parameters");
    }

    @Test
    void aStateOfAnotherShapeIsRefused() {
        MetaShape three = new MetaShape(3, 1, 2);
        MetaLearner learner = new MetaLearner(three, MetaLearner.randomStart(three, 1), 1, 5e-3, 1e-4);
        MetaLearner paper = new MetaLearner(two(2, 1), MetaLearner.randomStart(two(2, 1), 1), 1, 5e-3, 1e-4);
        assertThatThrownBy(() -> learner.restore(paper.state())).hasMessageContaining("has 13 parameters, the state 7");
    }

    /** A curve reaches below the rows learned from, and is h of the score with other inputs at 0. */
    @Test
    void aCurveIsTheLearnerAtTheScoresOfTheGrid() {
        MetaShape shape = new MetaShape(1, 2, 0);
        MetaLearner learner = new MetaLearner(shape, new double[] {0.7, 3, -0.2}, 1, 5e-3, 1e-4);
        assertThat(learner.lowest()).isEqualTo(-2);
        learner.add(-3.3, new double[] {1}, 1, 0);
        assertThat(learner.lowest()).isEqualTo(-7);
        double[] w = learner.curve(-7);
        assertThat(w).hasSize(65);
        assertThat(w[0]).isCloseTo(1 / (1 + Math.exp(0.7 * 7 + 0.2)), within(1e-15));
        assertThat(w[64]).isCloseTo(1 / (1 + Math.exp(0.2)), within(1e-15));
    }
}
