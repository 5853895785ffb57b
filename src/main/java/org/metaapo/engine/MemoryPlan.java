package org.metaapo.engine;

/**
 * Bytes by purpose.
 *
 * @param weights weights and rotary tables
 * @param weightsOffloaded the same of a model whose layers are offloaded ({@link ModelOptions#offloaded})
 * @param adapter an adapter's weights
 * @param gradients f32 gradients, of the adapter alone where there is one; so are {@code master} and {@code moments}
 * @param master what f32 master weights have beyond bf16 weights: 2 bytes each
 * @param moments AdamW's two moments
 * @param offloaded of master and moments, what lies in host memory beside a GPU
 * @param trainerActivations kept for the backward
 * @param trainerWorkspace scratch of forward and backward
 * @param scorer workspace of a scorer
 * @param generator KV cache and workspace
 * @param backend what a GPU's kernels and matrix library take for themselves, at most
 */
public record MemoryPlan(
        long weights,
        long weightsOffloaded,
        long adapter,
        long gradients,
        long master,
        long moments,
        long offloaded,
        long trainerActivations,
        long trainerWorkspace,
        long scorer,
        long generator,
        long backend) {
    /** All on the device. */
    public long total() {
        return weights + adapter + gradients + master + moments - offloaded + trainerActivations + trainerWorkspace + scorer + generator
                + backend;
    }
}
