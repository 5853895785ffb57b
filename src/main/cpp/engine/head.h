// What stands on the transformer: token log-probs or a value, and their gradients. A value head is the adapter's own where there is an
// adapter.
#pragma once

#include "batch.h"
#include "gradients.h"
#include "network.h"
#include "weight_stream.h"
#include "workspace.h"

namespace apo {

// w.logp and w.lse of the batch's answer tokens (R) from w.hidden. The rows go through the head in chunks.
void logprob_head_forward(const Network& network, const WeightStream& weights, Workspace& w, const Batch& batch);

// w.dnormed (T,C) and the head's gradient from w.coef (R).
void logprob_head_backward(const Network& network, const WeightStream& weights, Workspace& w, const Batch& batch, const Gradients& gradients);

// w.logp (N) = the value of each answer, at its last token.
void value_head_forward(const Network& network, const WeightStream& weights, Workspace& w, const Batch& batch);

// w.dnormed (T,C) and the head's gradient from w.coef (N).
void value_head_backward(const Network& network, const WeightStream& weights, Workspace& w, const Batch& batch, const Gradients& gradients);

// logits (rows, V) of w.hidden's rows at `index`, at most w.logit_rows; they are in w.logits().
void head_logits(const Network& network, const WeightStream& weights, Workspace& w, const int32_t* index, int64_t rows);

}  // namespace apo
