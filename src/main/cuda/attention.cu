// Attention over packed segments: chooses the kernels and the lists of work.
#include <cmath>

#include "attention_kernels.h"
#include "dispatch.h"
#include "family.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int64_t kDeltaThreads = 256;
constexpr int kDeltaLanes = 8;  // of a row

// delta(rows) = sum over D of out * dout.
template <class T, int N>
__global__ void delta_kernel(int64_t rows, int d, const T* out, const T* dout, float* delta) {
    const int64_t row = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / kDeltaLanes;
    float sum = 0;
    if (row < rows) {
        for (int j = lane_index() % kDeltaLanes * N; j < d; j += kDeltaLanes * N) {
            const Floats<N> a = load<N>(out + row * d + j), b = load<N>(dout + row * d + j);
#pragma unroll
            for (int i = 0; i < N; i++) sum += a[i] * b[i];
        }
    }
    sum = group_sum<kDeltaLanes>(sum);
    if (row < rows && lane_index() % kDeltaLanes == 0) delta[row] = sum;
}

template <class T, class Op>
PackedHeads<T> packed_heads(const Op& op) {
    return {static_cast<const T*>(op.qkv),
            (op.heads + 2 * op.kv_heads) * op.head_dim,
            int32_t(op.heads),
            int32_t(op.kv_heads),
            int32_t(op.head_dim),
            window_of(op.window),
            1.0f / std::sqrt(float(op.head_dim))};
}

// Whether the tensor-core kernels take the heads; rows are then whole 16-byte chunks.
bool on_tensor_cores(DType dtype, int64_t head_dim, std::initializer_list<const void*> addresses) {
    return dtype == DType::bf16 && head_dim <= 128 && head_dim % 8 == 0 && in_vectors(addresses, {});
}

}  // namespace

void attention_forward(Device& device, const AttentionForward& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    const bool tensor = on_tensor_cores(op.dtype, op.head_dim, {op.qkv, op.out});
    const DeviceList<QueryTile> tiles =
        d.attention_lists->queries(d, op.segments, op.segment_count, op.window, tensor ? kTensorQueries : kPlainTile);
    if (tensor) {
        tensor_attention_forward(d, packed_heads<bf16>(op), tiles.at, tiles.count, static_cast<bf16*>(op.out), op.lse);
        return;
    }
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        plain_attention_forward(d, packed_heads<T>(op), tiles.at, tiles.count, static_cast<T*>(op.out), op.lse);
    });
}

void attention_backward(Device& device, const AttentionBackward& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    ScratchScope scratch(d);
    const int64_t rows = op.tokens * op.heads;
    float* delta = scratch.take<float>(rows);
    with_vectors(op.dtype, {op.out, op.dout}, {op.head_dim}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        APO_LAUNCH(d, (delta_kernel<T, vector>), blocks_for(rows * kDeltaLanes, kDeltaThreads), unsigned(kDeltaThreads), 0, rows,
                   int(op.head_dim), static_cast<const T*>(op.out), static_cast<const T*>(op.dout), delta);
    });
    AttentionLists& lists = *d.attention_lists;
    const int32_t* positions = op.window > 0 ? lists.positions(d, op.segments, op.segment_count).at : nullptr;
    const bool tensor = on_tensor_cores(op.dtype, op.head_dim, {op.qkv, op.out, op.dout, op.dqkv});
    const DeviceList<QueryTile> queries = lists.queries(d, op.segments, op.segment_count, op.window, tensor ? kTensorQueries : kPlainTile);
    const DeviceList<KeyTile> keys = lists.keys(d, op.segments, op.segment_count, op.window, tensor ? kTensorKeys : kPlainTile);
    auto gradient = [&](auto tag) {
        using T = decltype(tag);
        return AttentionGradient<T>{static_cast<const T*>(op.dout), op.lse, delta, positions, static_cast<T*>(op.dqkv)};
    };
    if (tensor) {
        const PackedHeads<bf16> x = packed_heads<bf16>(op);
        tensor_attention_backward_keys(d, x, keys.at, keys.count, gradient(bf16{}));
        tensor_attention_backward_queries(d, x, queries.at, queries.count, gradient(bf16{}));
        return;
    }
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const PackedHeads<T> x = packed_heads<T>(op);
        plain_attention_backward_keys(d, x, keys.at, keys.count, gradient(tag));
        plain_attention_backward_queries(d, x, queries.at, queries.count, gradient(tag));
    });
}

}  // namespace cuda
}  // namespace apo
