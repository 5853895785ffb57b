#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

void bias_forward(Device& device, const BiasForward& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        T* x = static_cast<T*>(op.x);
        const T* bias = static_cast<const T*>(op.bias);
        parallel_ranges(device, op.tokens, 32, [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; t++) {
                T* row = x + t * op.ld;
                for_vectors(
                    op.n, [&](int64_t j) { store(row + j, load(row + j) + load(bias + j)); },
                    [&](int64_t j, int n) { store_part(row + j, load_part(row + j, n) + load_part(bias + j, n), n); });
            }
        });
    });
}

void bias_backward(Device& device, const BiasBackward& op) {
    // A thread owns columns: the sum over tokens has one order.
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const T* dx = static_cast<const T*>(op.dx);
        parallel_ranges(device, (op.n + kLanes - 1) / kLanes, 4, [&](int64_t first, int64_t last) {
            for (int64_t block = first; block < last; block++) {
                const int64_t j = block * kLanes;
                const int count = int(op.n - j < kLanes ? op.n - j : kLanes);
                vf sum{};
                for (int64_t t = 0; t < op.tokens; t++) {
                    const T* row = dx + t * op.ld + j;
                    sum += count == kLanes ? load(row) : load_part(row, count);
                }
                store_part(op.dbias + j, load_part(op.dbias + j, count) + sum, count);
            }
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
