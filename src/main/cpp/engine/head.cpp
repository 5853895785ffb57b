#include "head.h"

#include <algorithm>

namespace apo {

namespace {

void gather(const apo_model& model, Workspace& w, const int32_t* index, int64_t rows) {
    model.engine.ops.gather_rows(model.engine.device, {rows, model.shape.C, model.dtype, index, w.hidden, w.chunk_hidden});
}

void clear_dnormed(const apo_model& model, Workspace& w, int64_t tokens) {
    model.engine.ops.fill_zero(model.engine.device, w.dnormed, size_t(tokens * model.shape.C) * bytes_of(model.dtype));
}

void scatter(const apo_model& model, Workspace& w, const int32_t* index, int64_t rows) {
    model.engine.ops.scatter_add_rows(model.engine.device, {rows, model.shape.C, model.dtype, index, w.chunk_dhidden, w.dnormed});
}

}  // namespace

void logprob_head_forward(const Network& network, const WeightStream& weights, Workspace& w, const Batch& batch) {
    const apo_model& model = network.model;
    const Shape& s = model.shape;
    const int64_t total = int64_t(batch.rows.size());
    for (int64_t begin = 0; begin < total; begin += w.chunk_rows) {
        const int64_t rows = std::min(w.chunk_rows, total - begin);
        gather(model, w, w.rows + begin, rows);
        model.engine.ops.logprob_forward(model.engine.device,
                                         {rows, s.C, s.V, model.dtype, w.chunk_hidden, weights.head(), w.targets + begin,
                                          w.logp + begin, w.lse + begin, nullptr, nullptr, w.head_scratch, w.head_scratch_bytes});
    }
}

void logprob_head_backward(const Network& network, const WeightStream& weights, Workspace& w, const Batch& batch, const Gradients& gradients) {
    const apo_model& model = network.model;
    const Shape& s = model.shape;
    const int64_t total = int64_t(batch.rows.size());
    clear_dnormed(model, w, batch.tokens());
    for (int64_t begin = 0; begin < total; begin += w.chunk_rows) {
        const int64_t rows = std::min(w.chunk_rows, total - begin);
        gather(model, w, w.rows + begin, rows);
        model.engine.ops.logprob_backward(model.engine.device,
                                          {rows, s.C, s.V, model.dtype, w.chunk_hidden, weights.head(), w.targets + begin,
                                           w.lse + begin, w.coef + begin, w.chunk_dhidden, gradients.of(s.head()), w.head_scratch,
                                           w.head_scratch_bytes});
        scatter(model, w, w.rows + begin, rows);
    }
}

namespace {

struct ValueHead {
    DType dtype;
    const void* weight;
};

ValueHead value_head_of(const Network& network, const WeightStream& weights) {
    if (network.adapter == nullptr) return {network.model.dtype, weights.head()};
    return {network.adapter->dtype, network.adapter->at(network.adapter->shape.score())};
}

}  // namespace

void value_head_forward(const Network& network, const WeightStream& weights, Workspace& w, const Batch& batch) {
    const apo_model& model = network.model;
    const ValueHead head = value_head_of(network, weights);
    gather(model, w, w.answer_ends, batch.answers());
    model.engine.ops.value_forward(model.engine.device, {batch.answers(), model.shape.C, model.dtype, w.chunk_hidden, head.dtype, head.weight, w.logp});
}

void value_head_backward(const Network& network, const WeightStream& weights, Workspace& w, const Batch& batch, const Gradients& gradients) {
    const apo_model& model = network.model;
    const ValueHead head = value_head_of(network, weights);
    clear_dnormed(model, w, batch.tokens());
    gather(model, w, w.answer_ends, batch.answers());
    model.engine.ops.value_backward(model.engine.device, {batch.answers(), model.shape.C, model.dtype, w.chunk_hidden, head.dtype, head.weight,
                                                          w.coef, w.chunk_dhidden, gradients.of_score(model.shape)});
    scatter(model, w, w.answer_ends, batch.answers());
}

void head_logits(const Network& network, const WeightStream& weights, Workspace& w, const int32_t* index, int64_t rows) {
    const apo_model& model = network.model;
    const Shape& s = model.shape;
    gather(model, w, index, rows);
    Gemm g{};
    g.m = rows, g.n = s.V, g.k = s.C;
    g.transpose_b = true;
    g.a_type = g.b_type = model.dtype, g.c_type = DType::f32;
    g.a = w.chunk_hidden, g.lda = s.C, g.b = weights.head(), g.ldb = s.C, g.c = w.logits(), g.ldc = s.V;
    model.engine.ops.gemm(model.engine.device, g);
}

}  // namespace apo
