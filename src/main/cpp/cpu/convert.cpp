#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

void convert(Device& device, const Convert& op) {
    with_type(op.x_type, [&](auto x_tag) {
        with_type(op.y_type, [&](auto y_tag) {
            using X = decltype(x_tag);
            using Y = decltype(y_tag);
            const X* x = static_cast<const X*>(op.x);
            Y* y = static_cast<Y*>(op.y);
            parallel_ranges(device, op.n, 16384, [&](int64_t begin, int64_t end) {
                int64_t i = begin;
                for (; i + kLanes <= end; i += kLanes) store(y + i, load(x + i));
                for (; i < end; i++) y[i] = from_float<Y>(to_float(x[i]));
            });
        });
    });
}

void add(Device& device, const Add& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const T* x = static_cast<const T*>(op.x);
        T* y = static_cast<T*>(op.y);
        parallel_ranges(device, op.n, 16384, [&](int64_t begin, int64_t end) {
            int64_t i = begin;
            for (; i + kLanes <= end; i += kLanes) store(y + i, load(y + i) + load(x + i));
            for (; i < end; i++) y[i] = from_float<T>(to_float(y[i]) + to_float(x[i]));
        });
    });
}

void scale(Device& device, const Scale& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        parallel_ranges(device, op.rows, 1 + 16384 / (op.n + 1), [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; r++) {
                T* x = static_cast<T*>(op.x) + r * op.ld;
                for_vectors(
                    op.n, [&](int64_t j) { store(x + j, load(x + j) * op.factor); },
                    [&](int64_t j, int c) { store_part(x + j, load_part(x + j, c) * op.factor, c); });
            }
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
