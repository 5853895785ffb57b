package org.metaapo.meta;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.metaapo.engine.MetaShape;
import org.metaapo.engine.PreferenceLoss;
import org.metaapo.engine.Weighting;

/**
 * h(x) = σ(W₂ tanh(W₁x + b₁) + b₂), or another of {@link MetaShape}, with its optimizer and its buffer; x is the score, and further
 * features of the row where the learner has more than one input. A row with both pairs enters the buffer as (score of the offline pair, features, L(offline),
 * L(online)), all detached; an update is one AdamW step on the whole buffer, minimising
 * mean(w·L(offline) + (1−w)·L(online)), which is −mean(w·ell_off + (1−w)·ell_on). Then the buffer is emptied.
 */
public final class MetaLearner {
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.999;
    private static final double EPS = 1e-8;
    private static final double REFERENCE_WEIGHT = 0.1;

    private final MetaShape shape;
    private final double[] parameters;
    private final double[] moment1;
    private final double[] moment2;
    private final int inputs;
    private final double scoreScale;
    private final double learningRate;
    private final double weightDecay;
    private long updates;
    private final List<double[]> buffer = new ArrayList<>();

    /**
     * A learner.
     *
     * @param shape layers, inputs, hidden units
     * @param parameters to start from, as they lie in the shape
     * @param scoreScale s of the score log σ(s·delta)
     */
    public MetaLearner(MetaShape shape, double[] parameters, double scoreScale, double learningRate, double weightDecay) {
        this.shape = shape;
        this.inputs = shape.inputs();
        this.parameters = parameters.clone();
        this.moment1 = new double[parameters.length];
        this.moment2 = new double[parameters.length];
        this.scoreScale = scoreScale;
        this.learningRate = learningRate;
        this.weightDecay = weightDecay;
    }

    /** h of a score in the paper's two layers, with any further inputs at 0. */
    public static double weight(double[] parameters, int inputs, double score) {
        int n = (parameters.length - 1) / (inputs + 2);
        int bias = n * inputs;
        int outer = bias + n;
        double sum = parameters[outer + n];
        for (int i = 0; i < n; i++) {
            sum += parameters[outer + i] * Math.tanh(parameters[i * inputs] * score + parameters[bias + i]);
        }
        return 1 / (1 + Math.exp(-sum));
    }

    /** The authors' start, in each layer: weights 0.1, biases 0; all hidden units of a layer stay alike. */
    public static double[] referenceStart(MetaShape shape) {
        double[] p = new double[Math.toIntExact(shape.parameters())];
        for (int layer = 1; layer <= shape.layers(); layer++) {
            int begin = (int) shape.before(layer);
            Arrays.fill(p, begin, begin + (int) shape.weights(layer), REFERENCE_WEIGHT);
        }
        return p;
    }

    /** A start that breaks the symmetry: each layer uniform in ±1/√(fan-in), as torch's Linear. */
    public static double[] randomStart(MetaShape shape, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] p = new double[Math.toIntExact(shape.parameters())];
        for (int layer = 1; layer <= shape.layers(); layer++) {
            double bound = 1 / Math.sqrt(shape.inputs(layer));
            for (int i = (int) shape.before(layer); i < shape.before(layer + 1); i++) {
                p[i] = (2 * random.nextDouble() - 1) * bound;
            }
        }
        return p;
    }

    /**
     * The same start with the last layer's bias moved so that h(log ½) is a weight: the score of a row on which policy and reference agree,
     * which at a run's start that is its own reference is every row. Further inputs are at 0.
     *
     * @param weight above 0, below 1
     */
    public static double[] startingAt(double weight, double[] start, MetaShape shape) {
        double[] p = start.clone();
        double found = PreferenceLoss.weights(
                Weighting.learned(p, 1, shape).withFeatures(new double[shape.inputs() - 1]), new double[] {Math.log(0.5)})[0];
        p[p.length - 1] += logit(weight) - logit(found);
        return p;
    }

    private static double logit(double p) {
        return Math.log(p) - Math.log1p(-p);
    }

    /** Layers, inputs, hidden units. */
    public MetaShape shape() {
        return shape;
    }

    /** A copy of the parameters. */
    public double[] parameters() {
        return parameters.clone();
    }

    /** For the loss: w by this learner as it is now; with several inputs the rows' features are to be added. */
    public Weighting weighting() {
        return Weighting.learned(parameters, scoreScale, shape);
    }

    /** The lowest score that a curve of the learner is to reach: twice as far as the rows in the buffer. */
    public double lowest() {
        double lowest = ScoreGrid.LOWEST;
        for (double[] row : buffer) {
            lowest = ScoreGrid.reach(lowest, 2 * row[0]);
        }
        return lowest;
    }

    /** w at the scores of {@link ScoreGrid}, with any further inputs at 0. */
    public double[] curve(double lowest) {
        double[] scores = new double[ScoreGrid.POINTS];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = ScoreGrid.at(lowest, i);
        }
        return PreferenceLoss.weights(weighting().withFeatures(new double[scores.length * (inputs - 1)]), scores);
    }

    /** Rows in the buffer. */
    public int buffered() {
        return buffer.size();
    }

    /**
     * Adds a row that has both pairs.
     *
     * @param features (inputs − 1); may be null where the score is the one input
     */
    public void add(double score, double[] features, double lossOffline, double lossOnline) {
        int given = features == null ? 0 : features.length;
        if (given != inputs - 1) {
            throw new IllegalArgumentException("the row has " + given + " features; expected " + (inputs - 1));
        }
        double[] row = new double[inputs + 2];
        row[0] = score;
        if (given > 0) {
            System.arraycopy(features, 0, row, 1, given);
        }
        row[inputs] = lossOffline;
        row[inputs + 1] = lossOnline;
        buffer.add(row);
    }

    /**
     * An update.
     *
     * @param rows of the buffer
     * @param loss before the step
     * @param weightMean before the step
     */
    public record Update(int rows, double loss, double weightMean) {}

    /** One AdamW step on the buffer, which is then empty; null where it was empty already. */
    public Update update() {
        if (buffer.isEmpty()) {
            return null;
        }
        int n = buffer.size();
        double[] scores = new double[n];
        double[] features = new double[n * (inputs - 1)];
        double[] offline = new double[n];
        double[] online = new double[n];
        for (int i = 0; i < n; i++) {
            double[] row = buffer.get(i);
            scores[i] = row[0];
            System.arraycopy(row, 1, features, i * (inputs - 1), inputs - 1);
            offline[i] = row[inputs];
            online[i] = row[inputs + 1];
        }
        PreferenceLoss.MetaGradient gradient =
                PreferenceLoss.metaGradient(weighting().withFeatures(features), scores, offline, online);
        step(gradient.gradient());
        buffer.clear();
        return new Update(n, gradient.loss(), gradient.weightMean());
    }

    private void step(double[] gradient) {
        updates++;
        double correction1 = 1 - Math.pow(BETA1, updates);
        double correction2 = 1 - Math.pow(BETA2, updates);
        for (int i = 0; i < parameters.length; i++) {
            moment1[i] = BETA1 * moment1[i] + (1 - BETA1) * gradient[i];
            moment2[i] = BETA2 * moment2[i] + (1 - BETA2) * gradient[i] * gradient[i];
            parameters[i] *= 1 - learningRate * weightDecay;
            parameters[i] -= learningRate * (moment1[i] / correction1) / (Math.sqrt(moment2[i] / correction2) + EPS);
        }
    }

    /**
     * All that a checkpoint needs.
     *
     * @param parameters as they lie in the shape
     * @param moment1 AdamW's first moment
     * @param moment2 AdamW's second moment
     * @param updates steps taken
     * @param buffer rows (score, features, L(offline), L(online)) not yet learned from
     */
    public record State(double[] parameters, double[] moment1, double[] moment2, long updates, List<double[]> buffer) {}

    /** The state as it is. */
    public State state() {
        return new State(
                parameters.clone(), moment1.clone(), moment2.clone(), updates, buffer.stream().map(double[]::clone).toList());
    }

    /** Takes a state up again. */
    public void restore(State state) {
        if (state.parameters().length != parameters.length) {
            throw new IllegalArgumentException("the meta-learner has " + parameters.length + " parameters, the state "
                    + state.parameters().length);
        }
        for (double[] row : state.buffer()) {
            if (row.length != inputs + 2) {
                throw new IllegalArgumentException("the meta-learner's buffer has rows of " + (inputs + 2)
                        + " numbers, the state's of " + row.length);
            }
        }
        System.arraycopy(state.parameters(), 0, parameters, 0, parameters.length);
        System.arraycopy(state.moment1(), 0, moment1, 0, parameters.length);
        System.arraycopy(state.moment2(), 0, moment2, 0, parameters.length);
        updates = state.updates();
        buffer.clear();
        state.buffer().forEach(row -> buffer.add(row.clone()));
    }
}
