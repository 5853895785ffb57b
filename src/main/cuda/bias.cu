#include "dispatch.h"
#include "family.h"

#include "column_sums.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kRows = kThreads / kWarp;   // rows of a block at a time in the backward; a warp reads a row's piece
constexpr int64_t kMostParts = 64;        // of the rows

template <class T, int N>
__global__ void bias_forward_kernel(int64_t n, int64_t ld, int pieces, T* x, const T* bias) {
    const int64_t row = blockIdx.x / unsigned(pieces);
    const int64_t j = (int64_t(blockIdx.x % unsigned(pieces)) * kThreads + threadIdx.x) * N;
    if (j >= n) return;
    T* at = x + row * ld + j;
    Floats<N> y = load<N>(at);
    const Floats<N> b = load<N>(bias + j);
#pragma unroll
    for (int i = 0; i < N; i++) y[i] += b[i];
    store(at, y);
}

// partial(part, n): sums over the part's rows [begin, end). blockIdx.x is a piece of kWarp * N columns, blockIdx.y a part.
template <class T, int N>
__global__ void bias_backward_kernel(int64_t tokens, int64_t n, int64_t ld, const T* dx, float* partial) {
    APO_SHARED(float, sums, kThreads * N);
    const int64_t part = blockIdx.y, parts = gridDim.y;
    const int64_t begin = tokens * part / parts, end = tokens * (part + 1) / parts;
    const int64_t j = (int64_t(blockIdx.x) * kWarp + lane_index()) * N;
    Floats<N> sum{};
    if (j < n) {
        for (int64_t t = begin + warp_index(); t < end; t += kRows) {
            const Floats<N> x = load<N>(dx + t * ld + j);
#pragma unroll
            for (int i = 0; i < N; i++) sum[i] += x[i];
        }
    }
#pragma unroll
    for (int i = 0; i < N; i++) sums[i * kThreads + int(threadIdx.x)] = sum[i];
    __syncthreads();
    if (warp_index() != 0 || j >= n) return;
#pragma unroll
    for (int i = 0; i < N; i++) {
        float total = 0;
        for (int row = 0; row < kRows; row++) total += sums[i * kThreads + row * kWarp + lane_index()];
        partial[part * n + j + i] = total;
    }
}

}  // namespace

void bias_forward(Device& device, const BiasForward& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    with_vectors(op.dtype, {op.x, op.bias}, {op.n, op.ld}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        const unsigned pieces = blocks_for(op.n, kThreads * vector);
        APO_LAUNCH(d, (bias_forward_kernel<T, vector>), unsigned(op.tokens) * pieces, kThreads, 0, op.n, op.ld, int(pieces),
                   static_cast<T*>(op.x), static_cast<const T*>(op.bias));
    });
}

void bias_backward(Device& device, const BiasBackward& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    const int64_t parts = op.tokens < kMostParts ? op.tokens : kMostParts;
    ScratchScope scratch(d);
    float* partial = scratch.take<float>(parts * op.n);
    with_vectors(op.dtype, {op.dx}, {op.n, op.ld}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        APO_LAUNCH(d, (bias_backward_kernel<T, vector>), dim3(blocks_for(op.n, kWarp * vector), unsigned(parts)), kThreads, 0, op.tokens,
                   op.n, op.ld, static_cast<const T*>(op.dx), partial);
    });
    add_column_sums(d, parts, op.n, partial, op.dbias);
}

}  // namespace cuda
}  // namespace apo
