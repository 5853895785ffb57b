package org.metaapo.engine;

import org.metaapo.engine.internal.apo_model_options;

/**
 * How a model's weights are kept.
 *
 * @param dtype of weights and activations
 * @param offloaded whether the layers' weights lie in pinned host memory, from where one layer is copied to the GPU while the one
 *     before runs: the same bits, for scorers and for trainers of an adapter; on the processor no difference
 * @param quantization of the projections' weights, which are then not trained themselves; not together with {@code offloaded}
 * @param sharded whether the ranks that the engine has joined keep the weights in equal parts: reading them, scoring and training then
 *     are things that all ranks do together; not together with the two before, and not for generators
 */
public record ModelOptions(Dtype dtype, boolean offloaded, Quantization quantization, boolean sharded) {
    /** With whole weights on each rank. */
    public ModelOptions(Dtype dtype, boolean offloaded, Quantization quantization) {
        this(dtype, offloaded, quantization, false);
    }

    /** With all weights on the device, and of this type. */
    public ModelOptions(Dtype dtype) {
        this(dtype, false, Quantization.NONE, false);
    }

    apo_model_options toNative() {
        return new apo_model_options().dtype(dtype.code()).offloaded(offloaded ? 1 : 0).quantize(quantization.code()).sharded(sharded ? 1 : 0);
    }
}
