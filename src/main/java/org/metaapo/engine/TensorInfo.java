package org.metaapo.engine;

import java.util.List;

/**
 * A weight tensor.
 *
 * @param index number in the model
 * @param name Hugging Face name, such as "model.layers.0.self_attn.q_proj.weight"
 * @param shape dimensions
 * @param count elements
 * @param whole whether it is packed ({@link ModelOptions#quantization}), and so written with all elements at once
 */
public record TensorInfo(int index, String name, List<Long> shape, long count, boolean whole) {}
