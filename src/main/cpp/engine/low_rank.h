// The low-rank paths of an adapter beside the products of one layer: y += s B A drop(x), and its backward
//   u = s dy B;  dB += dy^T t;  dA += u^T drop(x);  dx = drop(u A)       with t = s A drop(x), kept from the forward.
// Without dropout the A's of a group are one product; with it each path has a mask of its own, as in PEFT.
#pragma once

#include "adapter.h"
#include "gradients.h"
#include "workspace.h"

namespace apo {

class LowRankPaths {
public:
    // adapter: null for none.
    LowRankPaths(const apo_adapter* adapter, int64_t layer, Workspace& w) : adapter_(adapter), layer_(layer), w_(w) {}

    // t(T, ranks) and y(T, out) from x(T, in).
    void forward(Group group, int64_t tokens, const void* x, void* t, void* y) const;
    // Whether the group has a path.
    bool stand_beside(Group group) const { return group_of(group) != nullptr; }
    // Gradients of A and B and, unless it is null, dx(T, in) = the paths' part: to be called before the product beside them, which then
    // adds to it, while it computes, what would be a pass over dx of its own. Nothing where there is no path.
    void backward(Group group, int64_t tokens, const void* dy, const void* x, const void* t, void* dx, const Gradients& gradients) const;

private:
    const LowRankGroup* group_of(Group group) const;  // null where there is no path
    // t = x A^T for columns [column, column + ranks) of t, of paths that share x.
    void into(const LowRankGroup& group, int64_t column, int64_t ranks, int64_t tokens, const void* x, void* t) const;
    // dA += u^T x and, unless dx is null, dx = u A.
    void out_of(const LowRankGroup& group, int64_t column, int64_t ranks, int64_t tokens, const void* u, const void* x, void* dx,
                const Gradients& gradients) const;
    void scale(const LowRankGroup& group, int64_t tokens, void* t) const;
    void drop(const LowRankGroup& group, const LowRank& part, int64_t tokens, const void* x, void* y, bool accumulate) const;
    bool drops() const { return w_.dropout.probability > 0; }
    char* columns(void* x, int64_t first) const { return static_cast<char*>(x) + size_t(first) * bytes_of(adapter_->model.dtype); }
    const char* columns(const void* x, int64_t first) const { return static_cast<const char*>(x) + size_t(first) * bytes_of(adapter_->model.dtype); }
    // A product of matrices of the model's dtype.
    Gemm product(int64_t m, int64_t n, int64_t k) const;
    void run(const Gemm& g) const { adapter_->engine.ops.gemm(adapter_->engine.device, g); }

    const apo_adapter* adapter_;
    int64_t layer_;
    Workspace& w_;
};

}  // namespace apo
