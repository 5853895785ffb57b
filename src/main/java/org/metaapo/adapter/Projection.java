package org.metaapo.adapter;

import org.metaapo.model.ModelConfig;

/** The linear maps of a layer that an adapter can sit on, in the engine's order ({@code apo_projection}). */
public enum Projection {
    Q("self_attn.q_proj"),
    K("self_attn.k_proj"),
    V("self_attn.v_proj"),
    O("self_attn.o_proj"),
    GATE("mlp.gate_proj"),
    UP("mlp.up_proj"),
    DOWN("mlp.down_proj");

    private final String path;

    Projection(String path) {
        this.path = path;
    }

    /** transformers' name of the module, such as {@code model.layers.3.self_attn.q_proj}. */
    public String module(int layer) {
        return "model.layers." + layer + "." + path;
    }

    /** The last part of the module's name, such as {@code q_proj}. */
    public String shortName() {
        return path.substring(path.indexOf('.') + 1);
    }

    /** Columns of the weight. */
    public int inputs(ModelConfig model) {
        return switch (this) {
            case Q, K, V, GATE, UP -> model.hiddenSize();
            case O -> model.heads() * model.headDim();
            case DOWN -> model.intermediateSize();
        };
    }

    /** Rows of the weight. */
    public int outputs(ModelConfig model) {
        return switch (this) {
            case Q -> model.heads() * model.headDim();
            case K, V -> model.kvHeads() * model.headDim();
            case O, DOWN -> model.hiddenSize();
            case GATE, UP -> model.intermediateSize();
        };
    }
}
