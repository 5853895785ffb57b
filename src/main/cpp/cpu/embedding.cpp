#include <algorithm>

#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

void embedding_forward(Device& device, const EmbeddingForward& op) {
    const size_t row = size_t(op.hidden) * bytes_of(op.dtype);
    const auto* table = static_cast<const char*>(op.table);
    auto* out = static_cast<char*>(op.out);
    parallel_ranges(device, op.tokens, 64, [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; t++) std::memcpy(out + t * row, table + op.ids[t] * row, row);
    });
}

void embedding_backward(Device& device, const EmbeddingBackward& op) {
    // Each thread owns a range of columns, so that the rows of one id sum in token order whatever the number of threads.
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const T* dout = static_cast<const T*>(op.dout);
        parallel_ranges(device, (op.hidden + kLanes - 1) / kLanes, 4, [&](int64_t first, int64_t last) {
            const int64_t begin = first * kLanes, end = std::min(last * kLanes, op.hidden);
            for (int64_t t = 0; t < op.tokens; t++) {
                if (op.ids[t] == op.padding) continue;
                const T* source = dout + t * op.hidden;
                float* target = op.dtable + op.ids[t] * op.hidden;
                int64_t j = begin;
                for (; j + kLanes <= end; j += kLanes) store(target + j, load(target + j) + load(source + j));
                for (; j < end; j++) target[j] += to_float(source[j]);
            }
        });
    });
}

void gather_rows(Device& device, const GatherRows& op) {
    const size_t row = size_t(op.width) * bytes_of(op.dtype);
    const auto* x = static_cast<const char*>(op.x);
    auto* out = static_cast<char*>(op.out);
    parallel_ranges(device, op.rows, 64, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; r++) std::memcpy(out + r * row, x + op.index[r] * row, row);
    });
}

void scatter_add_rows(Device& device, const ScatterAddRows& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const T* x = static_cast<const T*>(op.x);
        T* out = static_cast<T*>(op.out);
        parallel_ranges(device, (op.width + kLanes - 1) / kLanes, 4, [&](int64_t first, int64_t last) {
            const int64_t begin = first * kLanes, end = std::min(last * kLanes, op.width);
            for (int64_t r = 0; r < op.rows; r++) {
                const T* source = x + r * op.width;
                T* target = out + op.index[r] * op.width;
                int64_t j = begin;
                for (; j + kLanes <= end; j += kLanes) store(target + j, load(target + j) + load(source + j));
                for (; j < end; j++) target[j] = from_float<T>(to_float(target[j]) + to_float(source[j]));
            }
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
