#include "low_rank.h"

namespace apo {

const LowRankGroup* LowRankPaths::group_of(Group group) const {
    if (adapter_ == nullptr) return nullptr;
    const LowRankGroup& found = adapter_->shape.group(layer_, group);
    return found.ranks > 0 ? &found : nullptr;
}

void LowRankPaths::forward(Group which, int64_t tokens, const void* x, void* t, void* y) const {
    const LowRankGroup* group = group_of(which);
    if (group == nullptr) return;
    if (!drops()) into(*group, 0, group->ranks, tokens, x, t);
    for (size_t i = 0; drops() && i < group->parts.size(); i++) {
        const LowRank& part = group->parts[i];
        drop(*group, part, tokens, x, w_.dropped, false);
        into(*group, part.column, part.rank, tokens, w_.dropped, t);
    }
    scale(*group, tokens, t);
    for (const LowRank& part : group->parts) {
        Gemm g = product(tokens, part.out, part.rank);
        g.transpose_b = true;
        g.a = columns(t, part.column), g.lda = group->ranks, g.b = adapter_->operand(part.b), g.ldb = part.rank;
        g.c = columns(y, part.first), g.ldc = group->out, g.beta = 1;
        run(g);
    }
}

void LowRankPaths::backward(Group which, int64_t tokens, const void* dy, const void* x, const void* t, void* dx,
                            const Gradients& gradients) const {
    const LowRankGroup* group = group_of(which);
    if (group == nullptr) return;
    void* u = w_.low_rank_gradient;
    for (const LowRank& part : group->parts) {
        Gemm g = product(tokens, part.rank, part.out);
        g.a = columns(dy, part.first), g.lda = group->out, g.b = adapter_->operand(part.b), g.ldb = part.rank;
        g.c = columns(u, part.column), g.ldc = group->ranks;
        run(g);
        Gemm d = product(part.out, part.rank, tokens);
        d.transpose_a = true;
        d.a = columns(dy, part.first), d.lda = group->out, d.b = columns(t, part.column), d.ldb = group->ranks;
        d.c_type = DType::f32, d.c = gradients.of_adapter(part.b), d.ldc = part.rank, d.beta = 1;
        run(d);
    }
    scale(*group, tokens, u);
    if (!drops()) return out_of(*group, 0, group->ranks, tokens, u, x, dx, gradients);
    for (size_t i = 0; i < group->parts.size(); i++) {
        const LowRank& part = group->parts[i];
        drop(*group, part, tokens, x, w_.dropped, false);
        // The dropped input is read before the gradient takes its place.
        out_of(*group, part.column, part.rank, tokens, u, w_.dropped, dx == nullptr ? nullptr : w_.dropped, gradients);
        if (dx != nullptr) drop(*group, part, tokens, w_.dropped, dx, i > 0);
    }
}

void LowRankPaths::into(const LowRankGroup& group, int64_t column, int64_t ranks, int64_t tokens, const void* x, void* t) const {
    Gemm g = product(tokens, ranks, group.in);
    g.transpose_b = true;
    g.a = x, g.lda = group.in, g.b = adapter_->operand(group.a + column * group.in), g.ldb = group.in;
    g.c = columns(t, column), g.ldc = group.ranks;
    run(g);
}

void LowRankPaths::out_of(const LowRankGroup& group, int64_t column, int64_t ranks, int64_t tokens, const void* u, const void* x, void* dx,
                          const Gradients& gradients) const {
    Gemm d = product(ranks, group.in, tokens);
    d.transpose_a = true;
    d.a = columns(u, column), d.lda = group.ranks, d.b = x, d.ldb = group.in;
    d.c_type = DType::f32, d.c = gradients.of_adapter(group.a + column * group.in), d.ldc = group.in, d.beta = 1;
    run(d);
    if (dx == nullptr) return;
    Gemm g = product(tokens, group.in, ranks);
    g.a = columns(u, column), g.lda = group.ranks, g.b = adapter_->operand(group.a + column * group.in), g.ldb = group.in;
    g.c = dx, g.ldc = group.in;
    run(g);
}

// Of each path by its own factor, or of all at once where they are equal.
void LowRankPaths::scale(const LowRankGroup& group, int64_t tokens, void* t) const {
    bool equal = true;
    for (const LowRank& part : group.parts) equal = equal && part.scale == group.parts.front().scale;
    auto columns_by = [&](int64_t first, int64_t count, float factor) {
        if (factor == 1) return;
        adapter_->engine.ops.scale(adapter_->engine.device, {tokens, count, group.ranks, adapter_->model.dtype, columns(t, first), factor});
    };
    if (equal) return columns_by(0, group.ranks, group.parts.front().scale);
    for (const LowRank& part : group.parts) columns_by(part.column, part.rank, part.scale);
}

void LowRankPaths::drop(const LowRankGroup& group, const LowRank& part, int64_t tokens, const void* x, void* y, bool accumulate) const {
    DropoutKey key = w_.dropout;
    key.site = int32_t(layer_) * kProjections + part.projection;
    adapter_->engine.ops.dropout(adapter_->engine.device, {tokens, group.in, adapter_->model.dtype, key, accumulate, x, y});
}

Gemm LowRankPaths::product(int64_t m, int64_t n, int64_t k) const {
    Gemm g{};
    g.m = m, g.n = n, g.k = k;
    g.a_type = g.b_type = g.c_type = adapter_->model.dtype;
    return g;
}

}  // namespace apo
