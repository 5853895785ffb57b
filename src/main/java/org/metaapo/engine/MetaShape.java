package org.metaapo.engine;

/**
 * The shape of a meta-learner h, and how its parameters lie: W₁, b₁, W₂, b₂, W₃, b₃, each as far as it is there, matrices as
 * (outputs, inputs). One layer is σ(W₁x + b₁), two are σ(W₂ tanh(W₁x + b₁) + b₂), three σ(W₃ tanh(W₂ tanh(W₁x + b₁) + b₂) + b₃).
 *
 * @param layers 1 to {@value #MOST_LAYERS}
 * @param inputs the score, then the row's features; 1 is the score alone
 * @param hidden units of each hidden layer; 0 where there is none
 */
public record MetaShape(int layers, int inputs, int hidden) {
    /** Layers of the paper's learner. */
    public static final int PAPER_LAYERS = 2;

    /** Most layers. */
    public static final int MOST_LAYERS = 3;

    /** Checks that there are layers, inputs and, beside one layer, hidden units. */
    public MetaShape {
        if (layers < 1 || layers > MOST_LAYERS) {
            throw new IllegalArgumentException("the meta-learner has " + layers + " layers; expected 1 to " + MOST_LAYERS);
        }
        if (inputs < 1) {
            throw new IllegalArgumentException("the meta-learner has " + inputs + " inputs; expected 1 or more");
        }
        if (layers == 1 ? hidden != 0 : hidden < 1) {
            throw new IllegalArgumentException("a meta-learner of " + layers + " layers has " + hidden + " hidden units; expected "
                    + (layers == 1 ? "0" : "1 or more"));
        }
    }

    /**
     * The shape with so many parameters.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static MetaShape of(int layers, int inputs, int parameters) {
        long rest = parameters - 1L;
        MetaShape shape = new MetaShape(layers, inputs, layers == 1 ? 0 : (int) Math.max(1, layers == 2 ? rest / (inputs + 2L) : root(rest, inputs + 3L)));
        if (shape.parameters() != parameters) {
            throw new IllegalArgumentException("the meta-learner has " + parameters + " parameters; with " + layers + " layers and " + inputs
                    + (inputs == 1 ? " input" : " inputs") + " expected " + switch (layers) {
                        case 1 -> inputs + 1;
                        case 2 -> "n·" + (inputs + 2) + " + 1 of n hidden units";
                        default -> "n·(n + " + (inputs + 3) + ") + 1 of n hidden units";
                    });
        }
        return shape;
    }

    /** The n whose n·(n + sum) is nearest to a product. */
    private static long root(long product, long sum) {
        return Math.round((Math.sqrt((double) sum * sum + 4.0 * product) - sum) / 2);
    }

    /** Parameters before those of a layer, which is counted from 1; of the layer after the last, all. */
    public long before(int layer) {
        long sum = 0;
        for (int i = 1; i < layer; i++) {
            sum += (long) outputs(i) * (inputs(i) + 1);
        }
        return sum;
    }

    /** All parameters. */
    public long parameters() {
        return before(layers + 1);
    }

    /** What a layer reads: the inputs, or the units of the layer before. */
    public int inputs(int layer) {
        return layer == 1 ? inputs : hidden;
    }

    private int outputs(int layer) {
        return layer == layers ? 1 : hidden;
    }

    /** Weights of a layer without its biases, which come after them. */
    public long weights(int layer) {
        return (long) outputs(layer) * inputs(layer);
    }
}
