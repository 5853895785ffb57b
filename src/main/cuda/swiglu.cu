#include "dispatch.h"
#include "family.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;

// A block has a piece of a row: row blockIdx.x / pieces, N columns a thread.
template <class T, int N>
__global__ void swiglu_forward_kernel(int64_t ffn, int pieces, const T* gate_up, T* out) {
    const int64_t row = blockIdx.x / unsigned(pieces);
    const int64_t j = (int64_t(blockIdx.x % unsigned(pieces)) * kThreads + threadIdx.x) * N;
    if (j >= ffn) return;
    const T* gate = gate_up + row * 2 * ffn + j;
    const Floats<N> g = load<N>(gate), u = load<N>(gate + ffn);
    Floats<N> y;
#pragma unroll
    for (int i = 0; i < N; i++) y[i] = g[i] / (1.0f + expf(-g[i])) * u[i];
    store(out + row * ffn + j, y);
}

// silu(g) = g s with s = sigma(g); silu'(g) = s (1 + g (1 - s)).
template <class T, int N>
__global__ void swiglu_backward_kernel(int64_t ffn, int pieces, const T* gate_up, const T* dout, T* dgate_up) {
    const int64_t row = blockIdx.x / unsigned(pieces);
    const int64_t j = (int64_t(blockIdx.x % unsigned(pieces)) * kThreads + threadIdx.x) * N;
    if (j >= ffn) return;
    const int64_t at = row * 2 * ffn + j;
    const Floats<N> g = load<N>(gate_up + at), u = load<N>(gate_up + at + ffn), d = load<N>(dout + row * ffn + j);
    Floats<N> dg, du;
#pragma unroll
    for (int i = 0; i < N; i++) {
        const float s = 1.0f / (1.0f + expf(-g[i]));
        dg[i] = d[i] * u[i] * s * (1.0f + g[i] * (1.0f - s));
        du[i] = d[i] * g[i] * s;
    }
    store(dgate_up + at, dg);
    store(dgate_up + at + ffn, du);
}

}  // namespace

void swiglu_forward(Device& device, const SwigluForward& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    with_vectors(op.dtype, {op.gate_up, op.out}, {op.ffn}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        const unsigned pieces = blocks_for(op.ffn, kThreads * vector);
        APO_LAUNCH(d, (swiglu_forward_kernel<T, vector>), unsigned(op.tokens) * pieces, kThreads, 0, op.ffn, int(pieces),
                   static_cast<const T*>(op.gate_up), static_cast<T*>(op.out));
    });
}

void swiglu_backward(Device& device, const SwigluBackward& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    with_vectors(op.dtype, {op.gate_up, op.dout, op.dgate_up}, {op.ffn}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        const unsigned pieces = blocks_for(op.ffn, kThreads * vector);
        APO_LAUNCH(d, (swiglu_backward_kernel<T, vector>), unsigned(op.tokens) * pieces, kThreads, 0, op.ffn, int(pieces),
                   static_cast<const T*>(op.gate_up), static_cast<const T*>(op.dout), static_cast<T*>(op.dgate_up));
    });
}

}  // namespace cuda
}  // namespace apo
