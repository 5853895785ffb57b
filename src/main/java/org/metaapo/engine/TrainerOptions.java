package org.metaapo.engine;

import org.metaapo.engine.internal.apo_trainer_options;

/**
 * Options of a trainer.
 *
 * @param maxTokens largest batch of one forward and backward, in tokens
 * @param recompute keep only each layer's input and compute the rest again in the backward: less memory, a third more work
 * @param optimizer how AdamW's state is kept
 * @param seed of the rounding of {@link OptimizerState#EIGHT_BIT}
 * @param offloadOptimizer whether a GPU's optimizer state lies in pinned host memory: the same bits, at the speed of the bus
 * @param shard what ranks share out; not read where the engine has joined none
 */
public record TrainerOptions(long maxTokens, boolean recompute, OptimizerState optimizer, long seed, boolean offloadOptimizer, Shard shard) {
    /** How AdamW's state is kept, in the order of {@code apo_optimizer_state}. */
    public enum OptimizerState {
        /** Moments in f32, and the bits that f32 master weights have beyond bf16 ones: 10 bytes a bf16 weight. */
        F32,
        /** Moments in 8 bits, with a scale for each block of 256, and no f32 copy: 2 bytes a weight. bf16 weights are rounded stochastically. */
        EIGHT_BIT
    }

    /** What ranks share out among themselves, in place of each keeping all of it, in the order of {@code apo_shard} (ZeRO, arXiv 1910.02054). */
    public enum Shard {
        /** Nothing: the ranks share the work alone. */
        NONE,
        /** Moments, and what f32 masters have beyond bf16 weights. */
        OPTIMIZER,
        /** Gradients too; an adapter's are small, and whole on each rank. */
        GRADIENTS,
        /** Weights too ({@link ModelOptions#sharded}), of the base where an adapter is trained. */
        WEIGHTS
    }

    /** With the optimizer's state in f32. */
    public TrainerOptions(long maxTokens, boolean recompute) {
        this(maxTokens, recompute, OptimizerState.F32, 0, false, Shard.NONE);
    }

    apo_trainer_options toNative() {
        return new apo_trainer_options()
                .max_tokens(maxTokens)
                .recompute(recompute ? 1 : 0)
                .optimizer_state(optimizer.ordinal())
                .seed(seed)
                .offload_optimizer(offloadOptimizer ? 1 : 0)
                .shard(shard.ordinal());
    }
}
