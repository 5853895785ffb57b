package org.metaapo.engine;

/**
 * Bytes by purpose.
 *
 * @param weights weights and rotary tables
 * @param gradients f32 gradients
 * @param master f32 copies of bf16 weights
 * @param moments AdamW's two moments
 * @param trainerActivations kept for the backward
 * @param trainerWorkspace scratch of forward and backward
 * @param scorer workspace of a scorer
 * @param generator KV cache and workspace
 */
public record MemoryPlan(
        long weights,
        long gradients,
        long master,
        long moments,
        long trainerActivations,
        long trainerWorkspace,
        long scorer,
        long generator) {
    /** All together. */
    public long total() {
        return weights + gradients + master + moments + trainerActivations + trainerWorkspace + scorer + generator;
    }
}
