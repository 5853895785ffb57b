#include "dispatch.h"
#include "family.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;

// What the elements of a call share.
struct Mask {
    uint64_t seed;
    int64_t step, first_row;
    int32_t site;
    uint32_t threshold;
    float factor;
};

// A thread has N columns of a row, 4 at least, the last ones of a row perhaps fewer: then Whole is false. blockIdx.x is a row's piece
// of kThreads * N columns.
template <class T, int N, bool Whole>
__global__ void dropout_kernel(int64_t n, int pieces, Mask mask, bool accumulate, const T* x, T* y) {
    const int64_t row = blockIdx.x / unsigned(pieces);
    const int64_t j = (int64_t(blockIdx.x % unsigned(pieces)) * kThreads + threadIdx.x) * N;
    if (j >= n) return;
    const T* from = x + row * n + j;
    T* to = y + row * n + j;
    const int count = Whole || n - j > N ? N : int(n - j);
    Floats<N> in{}, out{};
    if constexpr (Whole) {
        in = load_all<N>(from);
        if (accumulate) out = load_all<N>(to);
    } else {
        // To N and not to count, so that the elements stay in registers.
#pragma unroll
        for (int i = 0; i < N; i++) {
            if (i >= count) continue;
            in[i] = to_float(from[i]);
            if (accumulate) out[i] = to_float(to[i]);
        }
    }
#pragma unroll
    for (int quad = 0; quad < N / 4; quad++) {
        const Philox4 random = dropout_words(mask.seed, mask.step, mask.site, mask.first_row + row, j / 4 + quad);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const float value = random.word[i] >= mask.threshold ? exact::mul(in[4 * quad + i], mask.factor) : 0.0f;
            out[4 * quad + i] = accumulate ? exact::add(out[4 * quad + i], value) : value;
        }
    }
    if constexpr (Whole) {
        store_all<N>(to, out);
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) {
            if (i < count) to[i] = from_float<T>(out[i]);
        }
    }
}

}  // namespace

void dropout(Device& device, const Dropout& op) {
    if (op.tokens == 0) return;
    CudaDevice& d = gpu(device);
    const Mask mask{op.key.seed, op.key.step, op.key.first_row, op.key.site, dropout_threshold(op.key.probability), dropout_factor(op.key.probability)};
    with_vectors(op.dtype, {op.x, op.y}, {op.n}, [&](auto tag, auto vector) {
        using T = decltype(tag);
        constexpr bool whole = vector > 1;
        constexpr int N = whole ? int(vector) : 4;
        const unsigned pieces = blocks_for(op.n, kThreads * N);
        APO_LAUNCH(d, (dropout_kernel<T, N, whole>), unsigned(op.tokens) * pieces, kThreads, 0, op.n, int(pieces), mask, op.accumulate,
                   static_cast<const T*>(op.x), static_cast<T*>(op.y));
    });
}

}  // namespace cuda
}  // namespace apo
