package org.metaapo.engine;

import org.metaapo.engine.internal.apo_model_options;

/**
 * How a model's weights are kept.
 *
 * @param dtype of weights and activations
 * @param offloaded whether the layers' weights lie in pinned host memory, from where one layer is copied to the GPU while the one
 *     before runs: the same bits, for scorers and for trainers of an adapter; on the processor no difference
 * @param quantization of the projections' weights, which are then not trained themselves; not together with {@code offloaded}
 */
public record ModelOptions(Dtype dtype, boolean offloaded, Quantization quantization) {
    /** With all weights on the device, and of this type. */
    public ModelOptions(Dtype dtype) {
        this(dtype, false, Quantization.NONE);
    }

    apo_model_options toNative() {
        return new apo_model_options().dtype(dtype.code()).offloaded(offloaded ? 1 : 0).quantize(quantization.code());
    }
}
