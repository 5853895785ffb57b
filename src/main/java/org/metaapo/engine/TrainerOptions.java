package org.metaapo.engine;

import org.metaapo.engine.internal.apo_trainer_options;

/**
 * Options of a trainer.
 *
 * @param maxTokens largest batch of one forward and backward, in tokens
 * @param recompute keep only each layer's input and compute the rest again in the backward: less memory, a third more work
 */
public record TrainerOptions(long maxTokens, boolean recompute) {
    apo_trainer_options toNative() {
        return new apo_trainer_options().max_tokens(maxTokens).recompute(recompute ? 1 : 0).reserved(0);
    }
}
