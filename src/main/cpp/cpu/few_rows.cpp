// The one matrix product that is not the library's. It reads the weights where they lie: a library packs them first, which
// for a few rows is a large share of the work (on Zen 3, 32 rows of f32: 91 GFLOP/s a core here, 67 by oneDNN).
//
// The rows of A are packed into panels of the transpose, so that a vector has one column of several rows. A block of N rows
// of weights then meets a panel: each weight is spread over a vector once, and N x V sums stay in registers. Every sum goes
// over k in one order, so that a row's result depends neither on its mates nor on the number of threads.
#include "few_rows.h"

#include <algorithm>
#include <atomic>

#include "register_block.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

constexpr int64_t kLeastPiece = 48;  // rows of weights that a thread takes at a time, at least

// A block's weights in f32: where they lie, or widened into `room`(N, depth).
inline const float* in_f32(const float* weights, int64_t ld, int, int64_t, float*, int64_t* out_ld) {
    *out_ld = ld;
    return weights;
}

inline const float* in_f32(const bf16* weights, int64_t ld, int n, int64_t depth, float* room, int64_t* out_ld) {
    for (int i = 0; i < n; i++) {
        const bf16* source = weights + i * ld;
        float* target = room + i * depth;
        for_vectors(
            depth, [&](int64_t j) { store(target + j, load(source + j)); },
            [&](int64_t j, int count) { store_part(target + j, load_part(source + j, count), count); });
    }
    *out_ld = depth;
    return room;
}

// Rows [begin, begin + N) of weights against all panels, to columns of C.
template <int N, int V, class W, class T>
void weight_rows(const Gemm& op, const float* panels, int64_t begin, bool more, float* sums) {
    constexpr int64_t width = V * kLanes;
    alignas(64) float room[N * kDepth];
    const int64_t count = (op.m + width - 1) / width;
    const W* weights = static_cast<const W*>(op.b) + begin * op.ldb;
    for (int64_t k = 0; k < op.k; k += kDepth) {
        const int64_t depth = std::min(kDepth, op.k - k);
        int64_t ld;
        const float* block = in_f32(weights + k, op.ldb, N, depth, room, &ld);
        Ahead ahead{};
        if (more) ahead = {reinterpret_cast<const char*>(weights + N * op.ldb + k), op.ldb * int64_t(sizeof(W)), int64_t(sizeof(W)), depth};
        for (int64_t panel = 0; panel < count; panel++) {
            multiply_block<N, V>([=](int i, int64_t p) { return block[i * ld + p]; }, panels + (k * count + panel * depth) * width, depth, k == 0, ahead, sums + panel * N * width);
            ahead = {};
        }
    }
    for (int64_t row = 0; row < op.m; row++) {
        const float* source = sums + row / width * N * width + row % width;
        T* target = static_cast<T*>(op.c) + row * op.ldc + begin;
        for (int i = 0; i < N; i++) {
            const float value = source[i * width];
            target[i] = from_float<T>(op.beta != 0 ? value + to_float(target[i]) : value);
        }
    }
}

// A^T in panels: for each depth of kDepth columns, for each Width rows, (depth, Width); rows past m are zero.
template <int Width, class A>
void pack(Device& device, const Gemm& op, float* panels) {
    const int64_t count = (op.m + Width - 1) / Width, depths = (op.k + kDepth - 1) / kDepth;
    parallel_ranges(device, depths * count, 1 + 16384 / (kDepth * Width), [&](int64_t begin, int64_t end) {
        for (int64_t item = begin; item < end; item++) {
            const int64_t k = item / count * kDepth, depth = std::min(kDepth, op.k - k), first = item % count * Width;
            const A* source = static_cast<const A*>(op.a) + first * op.lda + k;
            pack_panels<Width>(source, op.lda, true, std::min<int64_t>(Width, op.m - first), depth, panels + (k * count + item % count * depth) * Width);
        }
    });
}

// Threads take ever smaller pieces of the weights, so that they end together.
template <int N, int V, class A, class W, class T>
void multiply(Device& device, const Gemm& op) {
    constexpr int width = V * kLanes;
    const int64_t count = (op.m + width - 1) / width;
    float* panels = cpu(device).shared_floats(size_t(op.k * count * width));
    cpu(device).reserve_private(size_t(N * count * width) * sizeof(float));
    pack<width, A>(device, op, panels);
    auto piece_at = [&](int64_t begin) {
        const int64_t share = std::max(kLeastPiece, (op.n - begin) / (2 * cpu(device).threads));
        return std::min(op.n - begin, (share + N - 1) / N * N);
    };
    std::atomic<int64_t> next{0};
    parallel_items(device, cpu(device).threads, [&](int64_t) {
        float* sums = cpu(device).private_floats(omp_get_thread_num());
        for (int64_t begin = next; begin < op.n;) {
            const int64_t end = begin + piece_at(begin);
            if (!next.compare_exchange_weak(begin, end)) continue;
            int64_t j = begin;
            for (; j + N <= end; j += N) weight_rows<N, V, W, T>(op, panels, j, j + 2 * N <= op.n, sums);
            for (; j < end; j++) weight_rows<1, V, W, T>(op, panels, j, j + 2 <= op.n, sums);
            begin = next;
        }
    });
}

}  // namespace

void few_rows(Device& device, const Gemm& op) {
    with_type(op.a_type, [&](auto a) {
        with_type(op.b_type, [&](auto b) {
            with_type(op.c_type, [&](auto c) {
                if (op.m <= kLanes) {
                    multiply<2 * kBlockRows, 1, decltype(a), decltype(b), decltype(c)>(device, op);
                } else {
                    multiply<kBlockRows, 2, decltype(a), decltype(b), decltype(c)>(device, op);
                }
            });
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
