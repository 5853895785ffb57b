// The decoder-only transformer over the op table, written once for scoring, training and decoding.
//
// A layer, in the order of the code (pre-norm, as Llama):
//   n = RMSNorm(x);  q,k,v = n Wqkv (+ b);  [q,k = RMSNorm over heads];  q,k = RoPE(q,k)
//   x = x + Attention(q,k,v) Wo (+ b)
//   n = RMSNorm(x);  x = x + (silu(n Wgate) * (n Wup)) Wdown (+ b)
// with an adapter's paths beside each product. What attention reads differs: a packed batch reads itself (PackedAttention), decoding reads the KV cache (generator).
#pragma once

#include "batch.h"
#include "gradients.h"
#include "network.h"
#include "progress.h"
#include "weight_stream.h"
#include "workspace.h"

namespace apo {

// The attention of one layer over rows of q, k, v after RoPE.
class AttentionStep {
public:
    virtual ~AttentionStep() = default;
    // attention(T, H*D) and lse(T, H) from qkv(T, W); lse may be left alone where no backward follows.
    virtual void run(int64_t layer, int64_t tokens, const void* qkv, void* attention, float* lse) = 0;
};

// Attention within the segments of a batch.
class PackedAttention final : public AttentionStep {
public:
    PackedAttention(const apo_model& model, const std::vector<Segment>& segments) : model_(model), segments_(segments) {}
    void run(int64_t layer, int64_t tokens, const void* qkv, void* attention, float* lse) override;

private:
    const apo_model& model_;
    const std::vector<Segment>& segments_;
};

// Embeds w.ids and runs all layers and the final norm over `tokens` rows at w.positions: w.hidden (T,C). `weights` is for a whole
// forward.
void transformer_forward(const Network& network, WeightStream& weights, Workspace& w, int64_t tokens, AttentionStep& attention, Progress& progress);

// From w.dnormed, the gradient of w.hidden, to the gradients of all that is trained but the head, whose units are begun. Accumulates. The
// workspace is that of the forward, and its activations are used up. `weights` is for the layers from the last down to gradients.lowest_layer().
void transformer_backward(const Network& network, WeightStream& weights, Workspace& w, int64_t tokens, const std::vector<Segment>& segments,
                          const Gradients& gradients, Progress& progress);

// Copies the batch's index arrays to the device.
void upload(const apo_model& model, Workspace& w, const Batch& batch);

}  // namespace apo
