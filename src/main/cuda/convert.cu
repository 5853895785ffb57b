#include "dispatch.h"
#include "family.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;

template <class X, class Y, int N>
__global__ void convert_kernel(int64_t n, const X* x, Y* y) {
    const int64_t i = (int64_t(blockIdx.x) * kThreads + threadIdx.x) * N;
    if (i + N <= n) {
        store_all<N>(y + i, load_all<N>(x + i));
    } else {
        for (int64_t j = i; j < n; j++) y[j] = from_float<Y>(to_float(x[j]));
    }
}

template <class T, int N>
__global__ void add_kernel(int64_t n, const T* x, T* y) {
    const int64_t i = (int64_t(blockIdx.x) * kThreads + threadIdx.x) * N;
    if (i + N <= n) {
        const Floats<N> a = load<N>(x + i);
        Floats<N> b = load<N>(y + i);
#pragma unroll
        for (int j = 0; j < N; j++) b[j] += a[j];
        store(y + i, b);
    } else {
        for (int64_t j = i; j < n; j++) y[j] = from_float<T>(to_float(x[j]) + to_float(y[j]));
    }
}

// A block has a piece of kThreads * N elements of the rows' n, whose stride is ld.
template <class T, int N>
__global__ void scale_kernel(int64_t count, int64_t n, int64_t ld, T* x, float factor) {
    const int64_t i = (int64_t(blockIdx.x) * kThreads + threadIdx.x) * N;
    if (i >= count) return;
    T* at = x + i / n * ld + i % n;
    Floats<N> y = load<N>(at);
#pragma unroll
    for (int j = 0; j < N; j++) y[j] *= factor;
    store(at, y);
}

}  // namespace

void convert(Device& device, const Convert& op) {
    if (op.n == 0) return;
    CudaDevice& d = gpu(device);
    with_type(op.x_type, [&](auto x_tag) {
        with_type(op.y_type, [&](auto y_tag) {
            using X = decltype(x_tag);
            using Y = decltype(y_tag);
            const X* x = static_cast<const X*>(op.x);
            Y* y = static_cast<Y*>(op.y);
            constexpr int N = sizeof(X) == 4 && sizeof(Y) == 4 ? 4 : 8;
            if (in_vectors({x, y}, {})) {
                APO_LAUNCH(d, (convert_kernel<X, Y, N>), blocks_for(op.n, kThreads * N), kThreads, 0, op.n, x, y);
            } else {
                APO_LAUNCH(d, (convert_kernel<X, Y, 1>), blocks_for(op.n, kThreads), kThreads, 0, op.n, x, y);
            }
        });
    });
}

void add(Device& device, const Add& op) {
    if (op.n == 0) return;
    CudaDevice& d = gpu(device);
    with_vectors(op.dtype, {op.x, op.y}, {}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        APO_LAUNCH(d, (add_kernel<T, vector>), blocks_for(op.n, kThreads * vector), kThreads, 0, op.n, static_cast<const T*>(op.x),
                   static_cast<T*>(op.y));
    });
}

void scale(Device& device, const Scale& op) {
    if (op.rows == 0 || op.n == 0) return;
    CudaDevice& d = gpu(device);
    const int64_t count = op.rows * op.n;
    with_vectors(op.dtype, {op.x}, {op.n, op.ld}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        APO_LAUNCH(d, (scale_kernel<T, vector>), blocks_for(count, kThreads * vector), kThreads, 0, count, op.n, op.ld, static_cast<T*>(op.x),
                   op.factor);
    });
}

}  // namespace cuda
}  // namespace apo
