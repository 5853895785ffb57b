package org.metaapo.engine;

/** The projections of a layer that an adapter may stand beside, in the order of {@code apo_projection}. */
public enum Projection {
    /** Queries. */
    Q("self_attn.q_proj"),
    /** Keys. */
    K("self_attn.k_proj"),
    /** Values. */
    V("self_attn.v_proj"),
    /** Attention's output. */
    O("self_attn.o_proj"),
    /** The feed-forward's gate. */
    GATE("mlp.gate_proj"),
    /** The feed-forward's other half. */
    UP("mlp.up_proj"),
    /** The feed-forward's output. */
    DOWN("mlp.down_proj");

    private final String module;

    Projection(String module) {
        this.module = module;
    }

    /** The module's path within a layer, such as "self_attn.q_proj". */
    public String module() {
        return module;
    }
}
