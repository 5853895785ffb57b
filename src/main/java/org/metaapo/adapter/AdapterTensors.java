package org.metaapo.adapter;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.metaapo.engine.AdapterShape;
import org.metaapo.engine.Head;
import org.metaapo.engine.Projection;
import org.metaapo.model.ModelConfig;

/** The tensors of an adapter and the modules they stand beside, by transformers' names. */
public final class AdapterTensors {
    private AdapterTensors() {}

    /** Name to shape of every tensor, without PEFT's prefix: A is (r, in), B (out, r), a score head (1, hidden). */
    public static Map<String, long[]> of(AdapterShape adapter, ModelConfig model) {
        Map<String, long[]> tensors = new LinkedHashMap<>();
        for (int layer = 0; layer < adapter.layers().size(); layer++) {
            for (Projection projection : Projection.values()) {
                AdapterShape.LowRank path = adapter.layers().get(layer).get(projection);
                if (path != null) {
                    tensors.put(module(layer, projection) + ".lora_A.weight", new long[] {path.rank(), inputs(projection, model)});
                    tensors.put(module(layer, projection) + ".lora_B.weight", new long[] {outputs(projection, model), path.rank()});
                }
            }
        }
        if (adapter.head() == Head.VALUE) {
            tensors.put("score.weight", new long[] {1, model.hiddenSize()});
        }
        return Collections.unmodifiableMap(tensors);
    }

    /** Weights of an adapter, all together. */
    public static long parameters(AdapterShape adapter, ModelConfig model) {
        return of(adapter, model).values().stream().mapToLong(shape -> Arrays.stream(shape).reduce(1, Math::multiplyExact)).sum();
    }

    /** The whole path of a module, such as {@code model.layers.3.self_attn.q_proj}. */
    static String module(int layer, Projection projection) {
        return "model.layers." + layer + "." + projection.module();
    }

    /** The last part of a module's path, such as {@code q_proj}. */
    public static String shortName(Projection projection) {
        return projection.module().substring(projection.module().indexOf('.') + 1);
    }

    /** Columns of a projection's weight. */
    static int inputs(Projection projection, ModelConfig model) {
        return switch (projection) {
            case Q, K, V, GATE, UP -> model.hiddenSize();
            case O -> model.heads() * model.headDim();
            case DOWN -> model.intermediateSize();
        };
    }

    /** Rows of a projection's weight. */
    static int outputs(Projection projection, ModelConfig model) {
        return switch (projection) {
            case Q -> model.heads() * model.headDim();
            case K, V -> model.kvHeads() * model.headDim();
            case O, DOWN -> model.hiddenSize();
            case GATE, UP -> model.intermediateSize();
        };
    }
}
