#include "dispatch.h"
#include "family.h"

namespace apo {
namespace cuda {

namespace {

constexpr int64_t kMostThreads = 256;

// A block has a token; a thread N coordinates of a head's first half and their partners in the second.
template <class T, int N>
__global__ void rope_kernel(int rotated, int width, int half, T* qkv, const int32_t* positions, const float* cos, const float* sin,
                            float sign) {
    const int64_t token = blockIdx.x;
    const int64_t table = int64_t(positions[token]) * half;
    T* row = qkv + token * width;
    const int per_head = half / N, items = rotated * per_head;
    for (int item = int(threadIdx.x); item < items; item += int(blockDim.x)) {
        const int head = item / per_head, j = (item - head * per_head) * N;
        T* first = row + head * 2 * half + j;
        const Floats<N> a = load<N>(first), b = load<N>(first + half);
        const Floats<N> c = load_all<N>(cos + table + j), s = load_all<N>(sin + table + j);
        Floats<N> x, y;
#pragma unroll
        for (int i = 0; i < N; i++) {
            x[i] = a[i] * c[i] - b[i] * (s[i] * sign);
            y[i] = b[i] * c[i] + a[i] * (s[i] * sign);
        }
        store(first, x);
        store(first + half, y);
    }
}

}  // namespace

void rope(Device& device, const Rope& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    const int64_t half = op.head_dim / 2, rotated = op.heads + op.kv_heads, width = (op.heads + 2 * op.kv_heads) * op.head_dim;
    with_vectors(op.dtype, {op.qkv, op.cos, op.sin}, {half}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        APO_LAUNCH(d, (rope_kernel<T, vector>), unsigned(op.tokens), threads_for(rotated * (half / vector), kMostThreads), 0, int(rotated),
                   int(width), int(half), static_cast<T*>(op.qkv), op.positions, op.cos, op.sin, op.sign);
    });
}

}  // namespace cuda
}  // namespace apo
