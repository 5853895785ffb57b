package org.metaapo.train;

/**
 * A preference objective of your own, for {@code objective.name: java} and {@code objective.class}. The engine runs the forward,
 * asks for the loss of each pair and its slopes by the two log-prob sums, and runs the backward from them; MetaAPO mixes the
 * losses of the row's own and of the made pair by its weight, as it does with the objectives that are built in. docs/recipes.md
 * has an example. The class is public and has a public constructor without parameters.
 */
public interface PairLoss {
    /**
     * Log-prob sums and token counts of a pair.
     *
     * @param chosen log-prob sum of the better answer under the policy
     * @param rejected that of the worse answer
     * @param referenceChosen log-prob sum of the better answer under the reference; 0 where {@link #needsReference} is false
     * @param referenceRejected that of the worse answer
     * @param chosenTokens tokens of the better answer
     * @param rejectedTokens tokens of the worse answer
     */
    record Pair(
            double chosen, double rejected, double referenceChosen, double referenceRejected, int chosenTokens, int rejectedTokens) {}

    /**
     * A loss with its slopes; all must be finite.
     *
     * @param loss of the pair
     * @param byChosen derivative by {@link Pair#chosen}
     * @param byRejected derivative by {@link Pair#rejected}
     */
    record Value(double loss, double byChosen, double byRejected) {}

    /** The loss of a pair. */
    Value evaluate(Pair pair);

    /** Whether the reference's log-probs are needed. */
    default boolean needsReference() {
        return true;
    }
}
