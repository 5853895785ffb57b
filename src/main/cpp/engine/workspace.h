// Memory of a forward and a backward, laid out once from the shape and the largest batch.
#pragma once

#include <vector>

#include "adapter_shape.h"
#include "engine.h"
#include "head_sizes.h"

namespace apo {

enum class Keep {
    nothing,  // forward only: all layers share one set of activations
    inputs,   // each layer's input; the backward recomputes the rest
    all,      // each layer's activations
};

// What a layer's forward leaves for its backward.
struct LayerActivations {
    void* input;        // (T,C) residual stream before attention
    float* input_rstd;  // (T)
    void* qkv;          // (T,W) after RoPE
    void *q_saved, *k_saved;  // (T,H*D), (T,G*D) before the q/k norms; null without
    float *q_rstd, *k_rstd;   // (T,H), (T,G)
    void* attention;    // (T,H*D)
    float* lse;         // (T,H)
    void* middle;       // (T,C) residual stream after attention; the input's own memory where nothing is kept
    float* middle_rstd; // (T)
    void* gate_up;      // (T,2F)
    void* low_rank[kGroups];  // (T,ranks) of each group's paths; null without
};

struct Workspace {
    int64_t max_tokens;
    Keep keep;

    // Index arrays of the batch.
    int32_t *ids, *positions, *rows, *targets, *answer_begin, *answer_ends;

    std::vector<LayerActivations> layers;  // L of them; entries share memory as `keep` says
    void* normed;    // (T,C) output of a norm
    void* delta;     // (T,C) what a block adds to the stream
    void* swiglu;    // (T,F)
    void* last;      // (T,C) residual stream after all layers
    float* last_rstd;  // (T)
    void* hidden;    // (T,C) after the final norm

    // Heads: a chunk of rows at a time.
    int64_t chunk_rows;
    int64_t logit_rows;    // whole rows of logits that head_scratch holds, at most chunk_rows
    void* chunk_hidden;    // (chunk,C)
    void* chunk_dhidden;   // (chunk,C) backward
    float *logp, *lse;     // (T)
    float* coef;           // (T) backward
    void* head_scratch;
    size_t head_scratch_bytes;
    float* logits() const { return static_cast<float*>(head_scratch); }  // (logit_rows,V) of head_logits

    // Backward.
    void* dstream;     // (T,C) gradient of the residual stream
    void* dnormed;     // (T,C)
    void* dqkv;        // (T,W)
    void* dattention;  // (T,H*D)
    void* dswiglu;     // (T,F)
    void* low_rank_gradient;  // (T,ranks), the most of all groups

    // Dropout in front of an adapter, of the forward and of its backward: a probability of 0 is none.
    DropoutKey dropout;
    void* dropped;     // (T,in), the widest input of a path; null where the adapter has no dropout
};

// Deals the memory of one workspace from the arena. logit_rows: whole rows of logits that are wanted at once, as for sampling.
Workspace layout_workspace(Arena& arena, const NetworkShape& network, const HeadSizes& head, int64_t max_tokens, Keep keep,
                           int64_t logit_rows = 0);

// The same with memory of its own, which has to live as long.
Workspace make_workspace(apo_engine& engine, Buffer& memory, const NetworkShape& network, int64_t max_tokens, Keep keep,
                         int64_t logit_rows = 0);

// The bytes that layout_workspace takes, split into what grows with the layers and the rest.
struct WorkspaceBytes {
    int64_t activations, scratch;
};
WorkspaceBytes workspace_bytes(const NetworkShape& network, const HeadSizes& head, int64_t max_tokens, Keep keep, int64_t logit_rows = 0);

}  // namespace apo
