// The KV cache and attention of one new token a sequence, split over the sequence (flash-decoding), so that few sequences fill
// the GPU. Bound by memory: each key and value is read once for all the query heads of its group, and a page that several
// sequences share once for all of them. The parts of a row are put together in one order by a kernel of their own.
#include <algorithm>
#include <cmath>

#include "attention_decode_kernels.h"
#include "dispatch.h"
#include "family.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int64_t kMostThreads = 256;
constexpr int kCombineWarps = 4;

// A block has a row. Keys go to columns of their page, values to rows.
template <class T>
__global__ void kv_append_kernel(PackedHeads<T> x, int page_size, const int32_t* slots, T* cache) {
    const int64_t row = blockIdx.x;
    const int slot = slots[row], page = slot / page_size, offset = slot % page_size, d = x.head_dim;
    T* const pages = cache + int64_t(page) * 2 * x.kv_heads * page_size * d;
    const T *key = x.key(0, row), *value = x.value(0, row);
    for (int i = int(threadIdx.x); i < x.kv_heads * d; i += int(blockDim.x)) {
        const int head = i / d, c = i - head * d;
        T* const target = pages + int64_t(head) * 2 * page_size * d;
        target[c * page_size + offset] = key[i];
        target[(page_size + offset) * d + c] = value[i];
    }
}

// out(B, H D) from the parts of its row: a warp a row and head.
template <class T>
__global__ void combine_kernel(DecodePlan plan, int rows, int heads, int d, const float* sums, const float2* statistics, T* out) {
    const int item = int(blockIdx.x) * kCombineWarps + warp_index();
    if (item >= rows * heads) return;
    const int row = item / heads, head = item % heads;
    const DecodeUnit own = plan.units[row], shared = plan.units[rows + plan.leader[row]];
    const int shared_splits = plan.splits(shared), splits = shared_splits + plan.splits(own);
    auto part_of = [&](int split) {
        const int slot = split < shared_splits ? shared.first_slot + split * shared.rows + row - shared.first_row
                                               : own.first_slot + split - shared_splits;
        return int64_t(slot) * heads + head;
    };
    float most = -INFINITY;
    for (int split = lane_index(); split < splits; split += kWarp) most = fmaxf(most, statistics[part_of(split)].x);
    most = warp_max(most);
    float total = 0;
    for (int split = 0; split < splits; split++) {
        const float2 s = statistics[part_of(split)];
        total += s.y * exp2f(s.x - most);
    }
    for (int c = lane_index(); c < d; c += kWarp) {
        float sum = 0;
        for (int split = 0; split < splits; split++) {
            const int64_t part = part_of(split);
            sum += sums[part * d + c] * exp2f(statistics[part].x - most);
        }
        out[int64_t(item) * d + c] = from_float<T>(sum / total);
    }
}

template <class T>
PackedHeads<T> packed_heads(const AttentionDecode& op) {
    return {static_cast<const T*>(op.qkv),  (op.heads + 2 * op.kv_heads) * op.head_dim, int32_t(op.heads),
            int32_t(op.kv_heads),           int32_t(op.head_dim),                       window_of(op.window),
            1.0f / std::sqrt(float(op.head_dim))};
}

// How the op runs on a device: by which kernel, and its plan.
struct DecodeWork {
    bool tensor;
    DecodeRows rows;
    DecodePlan plan;
};

DecodeWork work_of(const CudaDevice& device, const AttentionDecode& op) {
    const int32_t group = int32_t(op.heads / op.kv_heads), rows = int32_t(op.rows);
    const bool tensor = op.dtype == DType::bf16 && (op.head_dim == 64 || op.head_dim == 128) && op.page_size == kDecodeKeys &&
                        group <= kDecodeQueries;
    // The plain kernel has a block for each row of a unit, and so gains nothing by sharing.
    const int32_t most_rows = tensor ? std::max(1, std::min(8, kDecodeQueries / group)) : 1;
    const int32_t items = std::clamp(int32_t(kDecodeBlocks * device.multiprocessors / op.kv_heads), 1, kMostDecodeItems);
    return {tensor, {op.pages, op.page_begin, op.lengths, rows, int32_t(op.page_size), window_of(op.window)},
            decode_plan_at(op.plan, rows, most_rows, items)};
}

}  // namespace

void kv_append(Device& device, const KvAppend& op) {
    if (op.rows == 0) return;
    CudaDevice& d = gpu(device);
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const PackedHeads<T> x{static_cast<const T*>(op.qkv), (op.heads + 2 * op.kv_heads) * op.head_dim, int32_t(op.heads),
                               int32_t(op.kv_heads), int32_t(op.head_dim), kNoWindow, 1.0f};
        APO_LAUNCH(d, kv_append_kernel<T>, unsigned(op.rows), threads_for(op.kv_heads * op.head_dim, kMostThreads), 0, x, int(op.page_size),
                   op.slots, static_cast<T*>(op.cache));
    });
}

void plan_decode(Device& device, const AttentionDecode& op) {
    if (op.rows == 0) return;
    CudaDevice& d = gpu(device);
    const DecodeWork work = work_of(d, op);
    make_decode_plan(d, work.rows, work.plan);
}

void attention_decode(Device& device, const AttentionDecode& op) {
    if (op.rows == 0) return;
    CudaDevice& d = gpu(device);
    ScratchScope scratch(d);
    const DecodeWork work = work_of(d, op);
    const int64_t parts = int64_t(work.plan.most_slots) * op.heads;
    float* sums = scratch.take<float>(parts * op.head_dim);
    float2* statistics = scratch.take<float2>(parts);
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const DecodeCache<T> cache{packed_heads<T>(op), work.rows, static_cast<const T*>(op.cache)};
        if constexpr (std::is_same_v<T, bf16>) {
            if (work.tensor) tensor_attention_decode(d, cache, work.plan, sums, statistics);
        }
        if (!work.tensor) plain_attention_decode(d, cache, work.plan, sums, statistics);
        APO_LAUNCH(d, combine_kernel<T>, blocks_for(op.rows * op.heads, kCombineWarps), unsigned(kCombineWarps * kWarp), 0, work.plan,
                   int(op.rows), int(op.heads), int(op.head_dim), sums, statistics, static_cast<T*>(op.out));
    });
}

}  // namespace cuda
}  // namespace apo
