#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

void rope(Device& device, const Rope& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const int64_t half = op.head_dim / 2, rotated = op.heads + op.kv_heads;
        const int64_t width = (op.heads + 2 * op.kv_heads) * op.head_dim;
        parallel_ranges(device, op.tokens, 16, [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; t++) {
                const float* cos = op.cos + op.positions[t] * half;
                const float* sin = op.sin + op.positions[t] * half;
                for (int64_t head = 0; head < rotated; head++) {
                    T* first = static_cast<T*>(op.qkv) + t * width + head * op.head_dim;
                    T* second = first + half;
                    for_vectors(
                        half,
                        [&](int64_t j) {
                            const vf a = load(first + j), b = load(second + j), c = load(cos + j), s = load(sin + j) * op.sign;
                            store(first + j, a * c - b * s);
                            store(second + j, b * c + a * s);
                        },
                        [&](int64_t j, int n) {
                            const vf a = load_part(first + j, n), b = load_part(second + j, n), c = load_part(cos + j, n),
                                     s = load_part(sin + j, n) * op.sign;
                            store_part(first + j, a * c - b * s, n);
                            store_part(second + j, b * c + a * s, n);
                        });
                }
            }
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
