// The kernels of attention over packed segments, between the ops (attention.cu) and the files that hold them: on tensor cores
// for bf16 with heads of up to 128, multiples of 8, and plain ones for everything else.
#pragma once

#include "attention_work.h"
#include "bf16.h"
#include "device.h"

namespace apo {
namespace cuda {

// Fused rows qkv(T, W), W = (H + 2G) D, and what all kernels are told.
template <class T>
struct PackedHeads {
    const T* qkv;
    int64_t width;
    int32_t heads, kv_heads, head_dim;
    int32_t window;  // kNoWindow for none
    float scale;     // 1/sqrt(D)

    APO_DEVICE int kv_head(int head) const { return head / (heads / kv_heads); }
    APO_DEVICE const T* query(int head, int64_t token) const { return qkv + token * width + int64_t(head) * head_dim; }
    APO_DEVICE const T* key(int kv, int64_t token) const { return query(heads + kv, token); }
    APO_DEVICE const T* value(int kv, int64_t token) const { return query(heads + kv_heads + kv, token); }
    // A row of out or dout (T, H D).
    template <class U>
    APO_DEVICE U* head_row(U* out, int head, int64_t token) const {
        return out + (token * heads + head) * head_dim;
    }
};

// Of a backward pass; dqkv is laid out as qkv. delta(T, H) = sum over D of out * dout. positions(T) only with a window.
template <class T>
struct AttentionGradient {
    const T* dout;
    const float* lse;
    const float* delta;
    const int32_t* positions;
    T* dqkv;
};

constexpr int kTensorQueries = 128, kTensorKeys = 128;  // of a QueryTile and a KeyTile
constexpr int kPlainTile = 16;                          // both

void tensor_attention_forward(CudaDevice& device, const PackedHeads<bf16>& x, const QueryTile* tiles, int64_t count, bf16* out, float* lse);
void tensor_attention_backward_queries(CudaDevice& device, const PackedHeads<bf16>& x, const QueryTile* tiles, int64_t count,
                                       const AttentionGradient<bf16>& gradient);
void tensor_attention_backward_keys(CudaDevice& device, const PackedHeads<bf16>& x, const KeyTile* tiles, int64_t count,
                                    const AttentionGradient<bf16>& gradient);

// For T float and bf16, heads of up to 256.
template <class T>
void plain_attention_forward(CudaDevice& device, const PackedHeads<T>& x, const QueryTile* tiles, int64_t count, T* out, float* lse);
template <class T>
void plain_attention_backward_queries(CudaDevice& device, const PackedHeads<T>& x, const QueryTile* tiles, int64_t count,
                                      const AttentionGradient<T>& gradient);
template <class T>
void plain_attention_backward_keys(CudaDevice& device, const PackedHeads<T>& x, const KeyTile* tiles, int64_t count,
                                   const AttentionGradient<T>& gradient);

}  // namespace cuda
}  // namespace apo
