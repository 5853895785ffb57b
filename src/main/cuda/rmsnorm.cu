// RMSNorm over rows of the stream and, for q and k, over heads. Both backwards leave partial sums of the weight's gradient
// in a fixed number of parts, so that their order does not depend on the GPU; where there is no such gradient (`partial` is null) a
// block has no sums to keep and parts are as many as keep a block busy.
#include "column_sums.h"
#include "dispatch.h"
#include "family.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int64_t kMostThreads = 512;
constexpr int64_t kMostParts = 264;  // twice the multiprocessors of an H100 or H200
constexpr int kHeadWarps = 8;        // a warp a head

int64_t parts_of(int64_t rows, int64_t rows_at_once, const float* dweight) {
    if (dweight == nullptr) return (rows + rows_at_once - 1) / rows_at_once;
    return rows < kMostParts ? rows : kMostParts;
}

// A block has a row, kept in shared memory between the two passes.
template <class T, int N>
__global__ void rmsnorm_forward_kernel(int64_t n, float eps, T* residual, const T* delta, const T* weight, T* out, float* rstd) {
    APO_SHARED(float, room, kWarp);
    T* kept = dynamic_shared<T>();
    T* x = residual + int64_t(blockIdx.x) * n;
    float squares = 0;
    for (int64_t j = int64_t(threadIdx.x) * N; j < n; j += int64_t(blockDim.x) * N) {
        Floats<N> v = load<N>(x + j);
        if (delta != nullptr) {
            const Floats<N> d = load<N>(delta + int64_t(blockIdx.x) * n + j);
#pragma unroll
            for (int i = 0; i < N; i++) v[i] = to_float(from_float<T>(v[i] + d[i]));  // the norm is of what is stored
            store(x + j, v);
        }
        store(kept + j, v);
#pragma unroll
        for (int i = 0; i < N; i++) squares += v[i] * v[i];
    }
    const float r = 1.0f / sqrtf(block_sum(squares, room) / float(n) + eps);
    if (threadIdx.x == 0) rstd[blockIdx.x] = r;
    T* y = out + int64_t(blockIdx.x) * n;
    for (int64_t j = int64_t(threadIdx.x) * N; j < n; j += int64_t(blockDim.x) * N) {
        Floats<N> v = load<N>(kept + j);
        const Floats<N> w = load<N>(weight + j);
#pragma unroll
        for (int i = 0; i < N; i++) v[i] = v[i] * r * w[i];
        store(y + j, v);
    }
}

// dx = rstd (w dy - x rstd² mean(w dy x)); dw = sum of dy x rstd. A block has a part of the rows; a thread always has the same
// columns, whose sums of dw it keeps in shared memory.
template <class T, int N>
__global__ void rmsnorm_backward_kernel(int64_t tokens, int64_t n, const T* dout, const T* residual, const T* weight, const float* rstd,
                                        T* dresidual, float* partial) {
    APO_SHARED(float, room, kWarp);
    const bool trained = partial != nullptr;
    float* dweight = dynamic_shared<float>();
    T* kept_dy = reinterpret_cast<T*>(trained ? dweight + n : dweight);
    T* kept_x = kept_dy + n;
    const int64_t step = int64_t(blockDim.x) * N, first = int64_t(threadIdx.x) * N;
    for (int64_t j = first; trained && j < n; j += step) store_all<N>(dweight + j, Floats<N>{});
    const int64_t end = tokens * (int64_t(blockIdx.x) + 1) / gridDim.x;
    for (int64_t t = tokens * int64_t(blockIdx.x) / gridDim.x; t < end; t++) {
        // On its way while the block sums: for rows of up to kMostThreads vectors that is all of it.
        const Floats<N> early = first < n ? load<N>(dresidual + t * n + first) : Floats<N>{};
        float dot = 0;
        for (int64_t j = first; j < n; j += step) {
            const Floats<N> dy = load<N>(dout + t * n + j), x = load<N>(residual + t * n + j), w = load<N>(weight + j);
            store(kept_dy + j, dy);
            store(kept_x + j, x);
#pragma unroll
            for (int i = 0; i < N; i++) dot += dy[i] * w[i] * x[i];
        }
        const float r = rstd[t], mean = block_sum(dot, room) / float(n) * r * r;
        for (int64_t j = first; j < n; j += step) {
            const Floats<N> dy = load<N>(kept_dy + j), x = load<N>(kept_x + j), w = load<N>(weight + j);
            Floats<N> dx = j == first ? early : load<N>(dresidual + t * n + j);
#pragma unroll
            for (int i = 0; i < N; i++) dx[i] += (dy[i] * w[i] - x[i] * mean) * r;
            store(dresidual + t * n + j, dx);
            if (!trained) continue;
            Floats<N> dw = load_all<N>(dweight + j);
#pragma unroll
            for (int i = 0; i < N; i++) dw[i] += dy[i] * x[i] * r;
            store_all<N>(dweight + j, dw);
        }
    }
    for (int64_t j = first; trained && j < n; j += step) store_all<N>(partial + int64_t(blockIdx.x) * n + j, load_all<N>(dweight + j));
}

// A warp has a head, N coordinates a lane at a time.
template <class T, int N>
__global__ void head_norm_forward_kernel(int64_t rows, int heads, int n, int64_t ld, float eps, T* x, const T* weight, T* saved,
                                         float* rstd) {
    const int64_t row = int64_t(blockIdx.x) * kHeadWarps + warp_index();
    if (row >= rows) return;
    const int64_t token = row / heads;
    T* head = x + token * ld + (row - token * heads) * n;
    float squares = 0;
    for (int j = lane_index() * N; j < n; j += kWarp * N) {
        const Floats<N> v = load<N>(head + j);
        if (saved != nullptr) store(saved + row * n + j, v);
#pragma unroll
        for (int i = 0; i < N; i++) squares += v[i] * v[i];
    }
    const float r = 1.0f / sqrtf(warp_sum(squares) / float(n) + eps);
    if (lane_index() == 0) rstd[row] = r;
    for (int j = lane_index() * N; j < n; j += kWarp * N) {
        Floats<N> v = load<N>(head + j);
        const Floats<N> w = load<N>(weight + j);
#pragma unroll
        for (int i = 0; i < N; i++) v[i] = v[i] * r * w[i];
        store(head + j, v);
    }
}

// As rmsnorm_backward_kernel with a warp a head, in place; each warp has sums of its own, added in the warps' order.
template <class T, int N>
__global__ void head_norm_backward_kernel(int64_t rows, int heads, int n, int64_t ld, const T* saved, const T* weight, const float* rstd,
                                          T* dx, float* partial) {
    const bool trained = partial != nullptr;
    float* sums = dynamic_shared<float>();
    float* dweight = sums + warp_index() * n;
    for (int j = lane_index() * N; trained && j < n; j += kWarp * N) store_all<N>(dweight + j, Floats<N>{});
    const int64_t end = rows * (int64_t(blockIdx.x) + 1) / gridDim.x;
    for (int64_t row = rows * int64_t(blockIdx.x) / gridDim.x + warp_index(); row < end; row += kHeadWarps) {
        const int64_t token = row / heads;
        T* head = dx + token * ld + (row - token * heads) * n;
        const T* x_row = saved + row * n;
        float dot = 0;
        for (int j = lane_index() * N; j < n; j += kWarp * N) {
            const Floats<N> dy = load<N>(head + j), x = load<N>(x_row + j), w = load<N>(weight + j);
#pragma unroll
            for (int i = 0; i < N; i++) dot += dy[i] * w[i] * x[i];
        }
        const float r = rstd[row], mean = warp_sum(dot) / float(n) * r * r;
        for (int j = lane_index() * N; j < n; j += kWarp * N) {
            Floats<N> dy = load<N>(head + j);
            const Floats<N> x = load<N>(x_row + j), w = load<N>(weight + j);
            if (trained) {
                Floats<N> dw = load_all<N>(dweight + j);
#pragma unroll
                for (int i = 0; i < N; i++) dw[i] += dy[i] * x[i] * r;
                store_all<N>(dweight + j, dw);
            }
#pragma unroll
            for (int i = 0; i < N; i++) dy[i] = (dy[i] * w[i] - x[i] * mean) * r;
            store(head + j, dy);
        }
    }
    if (!trained) return;
    __syncthreads();
    for (int j = int(threadIdx.x); j < n; j += int(blockDim.x)) {
        float total = 0;
        for (int warp = 0; warp < kHeadWarps; warp++) total += sums[warp * n + j];
        partial[int64_t(blockIdx.x) * n + j] = total;
    }
}

// body(T{}, N) with vectors of at most 4 elements, so that a head of 128 has work for a whole warp.
template <class Body>
void with_head_vectors(DType dtype, std::initializer_list<const void*> addresses, std::initializer_list<int64_t> row_elements, Body body) {
    with_vectors(dtype, addresses, row_elements, [&](auto tag, auto vector) {
        body(tag, std::integral_constant<int, (vector < 4 ? int(vector) : 4)>{});
    });
}

}  // namespace

void rmsnorm_forward(Device& device, const RmsNormForward& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    with_vectors(op.dtype, {op.residual, op.delta, op.weight, op.out}, {op.hidden}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        APO_LAUNCH(d, (rmsnorm_forward_kernel<T, vector>), unsigned(op.tokens), threads_for(op.hidden / vector, kMostThreads),
                   size_t(op.hidden) * sizeof(T), op.hidden, op.eps, static_cast<T*>(op.residual), static_cast<const T*>(op.delta),
                   static_cast<const T*>(op.weight), static_cast<T*>(op.out), op.rstd);
    });
}

void rmsnorm_backward(Device& device, const RmsNormBackward& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    const int64_t parts = parts_of(op.tokens, 1, op.dweight);
    ScratchScope scratch(d);
    float* partial = op.dweight == nullptr ? nullptr : scratch.take<float>(parts * op.hidden);
    with_vectors(op.dtype, {op.dout, op.residual, op.weight, op.dresidual}, {op.hidden}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        APO_LAUNCH(d, (rmsnorm_backward_kernel<T, vector>), unsigned(parts), threads_for(op.hidden / vector, kMostThreads),
                   size_t(op.hidden) * ((partial == nullptr ? 0 : sizeof(float)) + 2 * sizeof(T)), op.tokens, op.hidden, static_cast<const T*>(op.dout),
                   static_cast<const T*>(op.residual), static_cast<const T*>(op.weight), op.rstd, static_cast<T*>(op.dresidual), partial);
    });
    if (partial != nullptr) add_column_sums(d, parts, op.hidden, partial, op.dweight);
}

void head_norm_forward(Device& device, const HeadNormForward& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    const int64_t rows = op.tokens * op.heads;
    with_head_vectors(op.dtype, {op.x, op.weight, op.saved}, {op.head_dim, op.ld}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        APO_LAUNCH(d, (head_norm_forward_kernel<T, vector>), blocks_for(rows, kHeadWarps), unsigned(kHeadWarps * kWarp), 0, rows,
                   int(op.heads), int(op.head_dim), op.ld, op.eps, static_cast<T*>(op.x), static_cast<const T*>(op.weight),
                   static_cast<T*>(op.saved), op.rstd);
    });
}

void head_norm_backward(Device& device, const HeadNormBackward& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    const int64_t rows = op.tokens * op.heads, parts = parts_of(op.dweight == nullptr ? rows : op.tokens, kHeadWarps, op.dweight);
    ScratchScope scratch(d);
    float* partial = op.dweight == nullptr ? nullptr : scratch.take<float>(parts * op.head_dim);
    with_head_vectors(op.dtype, {op.saved, op.weight, op.dx}, {op.head_dim, op.ld}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        APO_LAUNCH(d, (head_norm_backward_kernel<T, vector>), unsigned(parts), unsigned(kHeadWarps * kWarp),
                   partial == nullptr ? 0 : size_t(kHeadWarps) * size_t(op.head_dim) * sizeof(float), rows, int(op.heads), int(op.head_dim), op.ld,
                   static_cast<const T*>(op.saved), static_cast<const T*>(op.weight), op.rstd, static_cast<T*>(op.dx), partial);
    });
    if (partial != nullptr) add_column_sums(d, parts, op.head_dim, partial, op.dweight);
}

}  // namespace cuda
}  // namespace apo
