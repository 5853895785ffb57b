package org.metaapo.engine;

import org.metaapo.engine.internal.apo_generator_options;

/**
 * Options of a generator.
 *
 * @param maxSequences answers decoded at once
 * @param cacheTokens tokens in the KV cache; a prompt counts once for all its answers
 */
public record GeneratorOptions(int maxSequences, long cacheTokens) {
    apo_generator_options toNative() {
        return new apo_generator_options().max_sequences(maxSequences).cache_tokens(cacheTokens).reserved(0);
    }
}
