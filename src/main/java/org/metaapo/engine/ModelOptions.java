package org.metaapo.engine;

import org.metaapo.engine.internal.apo_model_options;

/**
 * How a model's weights are kept.
 *
 * @param dtype of weights and activations
 * @param offloaded whether the layers' weights lie in pinned host memory, from where one layer is copied to the GPU while the one
 *     before runs: the same bits, for scorers and for trainers of an adapter; on the processor no difference
 */
public record ModelOptions(Dtype dtype, boolean offloaded) {
    /** With all weights on the device. */
    public ModelOptions(Dtype dtype) {
        this(dtype, false);
    }

    apo_model_options toNative() {
        return new apo_model_options().dtype(dtype.code()).offloaded(offloaded ? 1 : 0);
    }
}
