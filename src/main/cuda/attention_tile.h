// Tiles of bf16 in shared memory and the products of a warp with them: what the tensor-core kernels of attention share.
//
// A tile has D columns, of which the first head_dim are the head's and the rest, of a head that is narrower, zero. The
// 16-byte chunks of a row change places with the row (chunk ^ row % 8), so that one column of chunks of 8 rows, which ldmatrix
// reads at once, lies in all 32 banks.
#pragma once

#include "async_copy.h"
#include "attention_work.h"
#include "bf16.h"
#include "mma.h"
#include "reduce.h"

namespace apo {
namespace cuda {

constexpr float kLog2E = 1.4426950408889634f;

// 2^x to 2^-22; 0 for what is below the smallest normal number.
APO_DEVICE float fast_exp2(float x) {
#if defined(__CUDA_ARCH__)
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#else
    return exp2f(x);
#endif
}

// x, from where the compiler does not know: what is made of it is made anew, and not kept in registers across a loop.
APO_DEVICE int fresh(int x) {
#if defined(__CUDA_ARCH__)
    asm volatile("" : "+r"(x));
#endif
    return x;
}

template <int D>
APO_DEVICE int chunk_offset(int row, int chunk) {
    static_assert(D % 64 == 0, "rows of whole 128-byte lines");
    return row * D + ((chunk ^ (row & 7)) << 3);
}

// Where a lane's row of ldmatrix begins, at row 0 and column 0 of the tile. `rows_first`: the four matrices are 8 rows, the
// next 8 rows, then both 8 columns on, as A and a transposed B need them; else 8 columns on comes first, as B needs them.
template <int D>
APO_DEVICE int lane_offset(bool rows_first) {
    const int lane = lane_index();
    const int row = rows_first ? lane & 15 : (lane & 7) + ((lane >> 4) << 3);
    const int half = rows_first ? lane >> 4 : (lane >> 3) & 1;
    return fresh(chunk_offset<D>(row, half));
}

// The same at `row`, a multiple of 8, and column 16 k.
template <int D>
APO_DEVICE int moved(int lane_offset, int row, int k) {
    return (lane_offset ^ (k << 4)) + row * D;
}

// Starts the copy of rows [0, count) of `source` (stride ld) to a tile of kRows rows; zeros where there is none.
template <int D, int kRows, int kThreads>
APO_DEVICE void copy_rows(bf16* tile, const bf16* source, int64_t ld, int count, int head_dim) {
    constexpr int kChunks = D / 8, kStep = kThreads / kChunks;
    static_assert(kThreads % kChunks == 0 && kRows % kStep == 0, "whole steps");
    const int thread = fresh(int(threadIdx.x)), chunk = thread % kChunks, first = thread / kChunks;
    const bf16* from = source + int64_t(first) * ld + chunk * 8;
    if (chunk * 8 >= head_dim) count = 0;
    bf16* to = tile + chunk_offset<D>(first, chunk);
    static_assert(kStep % 8 == 0, "a thread's chunks of all rows are in one column");
#pragma unroll
    for (int row = 0; row < kRows; row += kStep, from += kStep * ld) copy_async_16(to + row * D, from, first + row < count);
}

template <int M, int N>
using Accumulators = float[M][N][4];

template <int M, int N>
APO_DEVICE void clear(Accumulators<M, N>& x) {
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
        for (int n = 0; n < N; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) x[m][n][i] = 0.0f;
        }
    }
}

// out(16 M, 8 N) += a(16 M, D) b(8 N, D)^T. a and b are where the tiles' rows begin, multiples of 8 rows.
template <int D, int M, int N>
APO_DEVICE void add_product_transposed(Accumulators<M, N>& out, const bf16* a, const bf16* b) {
    const int lane_a = lane_offset<D>(true), lane_b = lane_offset<D>(false);
#pragma unroll 4
    for (int k = 0; k < D / 16; k++) {
        uint32_t fragment_a[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) load_matrices(fragment_a[m], a + moved<D>(lane_a, m * 16, k));
#pragma unroll
        for (int n = 0; n < N; n += 2) {
            uint32_t two[4];
            load_matrices(two, b + moved<D>(lane_b, n * 8, k));
            const uint32_t first[2] = {two[0], two[1]}, second[2] = {two[2], two[3]};
#pragma unroll
            for (int m = 0; m < M; m++) {
                mma_bf16(out[m][n], fragment_a[m], first);
                mma_bf16(out[m][n + 1], fragment_a[m], second);
            }
        }
    }
}

// out(16 M, D) += a(16 M, 8 N) b(8 N, D): a in accumulators, rounded to bf16; b where the tile's rows begin.
template <int D, int M, int N>
APO_DEVICE void add_product(Accumulators<M, D / 8>& out, const Accumulators<M, N>& a, const bf16* b) {
    const int lane = lane_offset<D>(true);
#pragma unroll
    for (int k = 0; k < N / 2; k++) {
        uint32_t fragment_a[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const float* pair = &a[m][2 * k + i / 2][i % 2 * 2];
                fragment_a[m][i] = pack_bf16(pair[0], pair[1]);
            }
        }
#pragma unroll
        for (int n = 0; n < D / 16; n++) {
            uint32_t two[4];
            load_matrices_transposed(two, b + moved<D>(lane, k * 16, n));
            const uint32_t first[2] = {two[0], two[1]}, second[2] = {two[2], two[3]};
#pragma unroll
            for (int m = 0; m < M; m++) {
                mma_bf16(out[m][2 * n], fragment_a[m], first);
                mma_bf16(out[m][2 * n + 1], fragment_a[m], second);
            }
        }
    }
}

// Sets scores(16 M, 8 N) that a query of the warp does not see to minus infinity. `distance`: of the warp's first query to the
// first key.
template <int M, int N>
APO_DEVICE void hide_unseen(Accumulators<M, N>& scores, const KeyRange& keys, int distance, int window) {
    const bool whole = keys.count == 8 * N && (!keys.own || distance >= 8 * N - 1) && distance + 16 * M - 1 < window;
    if (whole) return;
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
        for (int u = 0; u < 2; u++) {
            const Visible sees = visible(keys, distance + m * 16 + u * 8 + lane_index() / 4, window);
#pragma unroll
            for (int n = 0; n < N; n++) {
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    if (!sees(n * 8 + lane_index() % 4 * 2 + i)) scores[m][n][2 * u + i] = -INFINITY;
                }
            }
        }
    }
}

// Maxima (of raw scores) and sums of a lane's 2 M rows (those of accumulators); a sum is of the lane's own columns until the end.
template <int M>
struct RunningSoftmax {
    float most[M][2], sum[M][2];

    APO_DEVICE RunningSoftmax() {
#pragma unroll
        for (int m = 0; m < M; m++) {
#pragma unroll
            for (int u = 0; u < 2; u++) most[m][u] = -INFINITY, sum[m][u] = 0.0f;
        }
    }

    // Scores to e^(scale (score - maximum)), with the sums and `out` shrunk to the new maximum. `scale` is in powers of 2.
    template <int N, int O>
    APO_DEVICE void step(Accumulators<M, N>& score, Accumulators<M, O>& out, float scale) {
#pragma unroll
        for (int m = 0; m < M; m++) {
#pragma unroll
            for (int u = 0; u < 2; u++) {
                const float before = most[m][u];
                float top = before;
#pragma unroll
                for (int n = 0; n < N; n++) top = fmaxf(top, fmaxf(score[m][n][2 * u], score[m][n][2 * u + 1]));
                top = group_max<4>(top);
                const float base = top == -INFINITY ? 0.0f : top * scale;  // a row may see none of these keys
                most[m][u] = top;
                if (__any_sync(kAllLanes, top != before)) {  // seldom so after the first steps
                    const float shrink = fast_exp2(before * scale - base);
                    sum[m][u] *= shrink;
#pragma unroll
                    for (int n = 0; n < O; n++) out[m][n][2 * u] *= shrink, out[m][n][2 * u + 1] *= shrink;
                }
                float total = sum[m][u];
#pragma unroll
                for (int n = 0; n < N; n++) {
#pragma unroll
                    for (int i = 2 * u; i < 2 * u + 2; i++) total += score[m][n][i] = fast_exp2(score[m][n][i] * scale - base);
                }
                sum[m][u] = total;
            }
        }
    }
};

// Writes x(16 M, D), times factor(m, upper) for rows g + 16 m and, upper, 8 more, as bf16 to rows [0, count) of `target`
// (stride ld), by way of the warp's own rows of a tile, in whole 16-byte chunks.
template <int D, int M, class Factor>
APO_DEVICE void write_rows(const Accumulators<M, D / 8>& x, Factor factor, bf16* tile, bf16* target, int64_t ld, int count, int head_dim) {
    const int lane = lane_index();
    __syncwarp();
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
        for (int upper = 0; upper < 2; upper++) {
            const int row = m * 16 + upper * 8 + lane / 4;
            const float f = factor(m, upper);
#pragma unroll
            for (int n = 0; n < D / 8; n++) {
                *reinterpret_cast<uint32_t*>(tile + chunk_offset<D>(row, n) + lane % 4 * 2) =
                    pack_bf16(x[m][n][2 * upper] * f, x[m][n][2 * upper + 1] * f);
            }
        }
    }
    __syncwarp();
    constexpr int kChunks = D / 8;
#pragma unroll
    for (int i = 0; i < M * 16 * kChunks / kWarp; i++) {
        const int item = i * kWarp + lane, row = item / kChunks, chunk = item % kChunks;
        if (row < count && chunk * 8 < head_dim) {
            *reinterpret_cast<uint4*>(target + int64_t(row) * ld + chunk * 8) =
                *reinterpret_cast<const uint4*>(tile + chunk_offset<D>(row, chunk));
        }
    }
}

}  // namespace cuda
}  // namespace apo
