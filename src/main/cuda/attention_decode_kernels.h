// The kernels of decoding attention, between the op (attention_decode.cu) and the files that hold them. Each makes, of every
// item of the plan, parts of its rows: sums(slots, H, D), not divided yet, and statistics(slots, H), the largest score in powers
// of 2 and the sum of the weights relative to it.
#pragma once

#include "attention_decode_plan.h"
#include "attention_kernels.h"

namespace apo {
namespace cuda {

constexpr int kDecodeKeys = 16;     // page size of the tensor-core kernel
constexpr int kDecodeQueries = 64;  // that meet a page together
constexpr int kDecodeBlocks = 2;    // of it on a multiprocessor

template <class T>
struct DecodeCache {
    PackedHeads<T> x;  // the new tokens' rows
    DecodeRows rows;
    const T* cache;

    // Keys (D, page_size) of a page, then its values (page_size, D).
    APO_DEVICE const T* page(int page, int kv) const {
        return cache + (int64_t(page) * x.kv_heads + kv) * 2 * rows.page_size * x.head_dim;
    }
    // The first key that a row sees.
    APO_DEVICE int first_seen(int row) const { return max(0, rows.lengths[row] - rows.window); }
};

void tensor_attention_decode(CudaDevice& device, const DecodeCache<bf16>& cache, const DecodePlan& plan, float* sums, float2* statistics);

// For all types, page sizes and heads; units of one row.
template <class T>
void plain_attention_decode(CudaDevice& device, const DecodeCache<T>& cache, const DecodePlan& plan, float* sums, float2* statistics);

}  // namespace cuda
}  // namespace apo
