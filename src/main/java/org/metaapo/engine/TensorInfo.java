package org.metaapo.engine;

import java.util.List;

/**
 * A weight tensor.
 *
 * @param index number in the model
 * @param name Hugging Face name, such as "model.layers.0.self_attn.q_proj.weight"
 * @param shape dimensions
 * @param count elements
 */
public record TensorInfo(int index, String name, List<Long> shape, long count) {}
