#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

void swiglu_forward(Device& device, const SwigluForward& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        parallel_ranges(device, op.tokens, 4, [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; t++) {
                const T* gate = static_cast<const T*>(op.gate_up) + t * 2 * op.ffn;
                const T* up = gate + op.ffn;
                T* out = static_cast<T*>(op.out) + t * op.ffn;
                auto value = [](vf g, vf u) { return g / (1.0f + exp(-g)) * u; };
                for_vectors(
                    op.ffn, [&](int64_t j) { store(out + j, value(load(gate + j), load(up + j))); },
                    [&](int64_t j, int n) { store_part(out + j, value(load_part(gate + j, n), load_part(up + j, n)), n); });
            }
        });
    });
}

void swiglu_backward(Device& device, const SwigluBackward& op) {
    // silu(g) = g s with s = sigma(g); silu'(g) = s (1 + g (1 - s)).
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        parallel_ranges(device, op.tokens, 4, [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; t++) {
                const T* gate = static_cast<const T*>(op.gate_up) + t * 2 * op.ffn;
                const T* up = gate + op.ffn;
                const T* dout = static_cast<const T*>(op.dout) + t * op.ffn;
                T* dgate = static_cast<T*>(op.dgate_up) + t * 2 * op.ffn;
                T* dup = dgate + op.ffn;
                for_vectors(
                    op.ffn,
                    [&](int64_t j) {
                        const vf g = load(gate + j), u = load(up + j), d = load(dout + j), s = 1.0f / (1.0f + exp(-g));
                        store(dgate + j, d * u * s * (1.0f + g * (1.0f - s)));
                        store(dup + j, d * g * s);
                    },
                    [&](int64_t j, int n) {
                        const vf g = load_part(gate + j, n), u = load_part(up + j, n), d = load_part(dout + j, n),
                                 s = 1.0f / (1.0f + exp(-g));
                        store_part(dgate + j, d * u * s * (1.0f + g * (1.0f - s)), n);
                        store_part(dup + j, d * g * s, n);
                    });
            }
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
