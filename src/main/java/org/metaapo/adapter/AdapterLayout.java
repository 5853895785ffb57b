package org.metaapo.adapter;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

import org.metaapo.engine.Head;
import org.metaapo.model.ModelConfig;

/**
 * Ranks and scales of an adapter on each linear map of a model.
 *
 * @param ranks (layers, {@link Projection}s) r, or 0 where there is no adapter
 * @param scales (layers, {@link Projection}s) s
 * @param dropout p of the dropout in training
 * @param head VALUE where the adapter has a score head of its own
 */
public record AdapterLayout(int[][] ranks, double[][] scales, double dropout, Head head) {
    /** transformers' name of the value head's weight. */
    public static final String SCORE = "score.weight";

    /** Name to shape of every tensor of the adapter, without PEFT's prefix: A is (r, in), B (out, r), a score head (1, hidden). */
    public Map<String, long[]> tensors(ModelConfig model) {
        Map<String, long[]> tensors = new LinkedHashMap<>();
        for (int layer = 0; layer < ranks.length; layer++) {
            for (Projection projection : Projection.values()) {
                int r = ranks[layer][projection.ordinal()];
                if (r > 0) {
                    tensors.put(projection.module(layer) + ".lora_A.weight", new long[] {r, projection.inputs(model)});
                    tensors.put(projection.module(layer) + ".lora_B.weight", new long[] {projection.outputs(model), r});
                }
            }
        }
        if (head == Head.VALUE) {
            tensors.put(SCORE, new long[] {1, model.hiddenSize()});
        }
        return Collections.unmodifiableMap(tensors);
    }

    /** Trained weights: the elements of {@link #tensors}. */
    public long parameters(ModelConfig model) {
        return tensors(model).values().stream().mapToLong(shape -> shape[0] * shape[1]).sum();
    }
}
