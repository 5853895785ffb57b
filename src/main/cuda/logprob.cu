// The log-prob head: logits of a piece, some rows by some columns of the vocabulary, at a time. Rows are many, so that the
// matrix of weights is read few times; columns are few, so that a piece is small. The softmax runs over the pieces of a row.
#include <algorithm>
#include <cmath>

#include "dispatch.h"
#include "family.h"
#include "head_sizes.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;

// What a row has seen so far: the largest logit m, s = sum of e^(x - m), and e = sum of x e^(x - m) for the entropy.
struct RowState {
    float m, s, e;
};
static_assert(sizeof(RowState) == cuda_head::kStateBytes);

// logits(rows, columns) of the head's rows from first on.
void piece_logits(CudaDevice& d, DType dtype, const void* x, const void* head, int64_t rows, int64_t hidden, int64_t first, int64_t columns,
                  float* logits) {
    Gemm g{};
    g.m = rows, g.n = columns, g.k = hidden;
    g.transpose_b = true;
    g.a_type = g.b_type = dtype, g.c_type = DType::f32;
    g.a = x, g.lda = hidden, g.ldb = hidden, g.c = logits, g.ldc = columns;
    g.b = static_cast<const char*>(head) + first * hidden * int64_t(bytes_of(dtype));
    gemm(d, g);
}

struct ForwardRows {
    const int32_t* targets;
    float *logp, *lse, *entropy;
    int32_t* argmax;
    RowState* state;
};

// A block has a row of a piece: joins it to the row's state, and after the last piece writes the results. Until then logp holds
// the target's logit. Sums over threads are f64, those of a thread f32 over at most some hundred logits.
template <int N>
__global__ void log_softmax_kernel(int64_t first, int64_t columns, int64_t vocab, const float* logits, ForwardRows rows) {
    APO_SHARED(float, maxima, kWarp);
    APO_SHARED(double, sums, kWarp);
    APO_SHARED(uint64_t, smallest, kWarp);
    const int64_t r = blockIdx.x;
    const float* row = logits + r * columns;
    const int64_t start = int64_t(threadIdx.x) * N, step = int64_t(blockDim.x) * N;
    const RowState old = first == 0 ? RowState{-INFINITY, 0, 0} : rows.state[r];

    float m = -INFINITY, s = 0, e = 0;
    int32_t where = 0;
    for (int64_t j = start; j < columns; j += step) {
        const Floats<N> x = load<N>(row + j);
        float top = x[0];
        int32_t at = 0;
#pragma unroll
        for (int i = 1; i < N; i++) {
            if (x[i] > top) top = x[i], at = i;
        }
        if (top > m) {
            const float shrink = expf(m - top);
            s *= shrink, e *= shrink;
            m = top, where = int32_t(j) + at;
        }
        if (m == -INFINITY) continue;  // no weight yet, and -inf - -inf is none
#pragma unroll
        for (int i = 0; i < N; i++) {
            const float w = expf(x[i] - m);
            s += w;
            if (w > 0) e += x[i] * w;  // a logit of -inf has no part
        }
    }
    const float top = block_max(m, maxima);
    const float joined = fmaxf(top, old.m);
    const double shrink = m == -INFINITY ? 0.0 : double(expf(m - joined));
    const double sum = block_sum(double(s) * shrink, sums), expected = block_sum(double(e) * shrink, sums);
    uint64_t found = 0;
    if (rows.argmax != nullptr) found = block_min(m == top ? uint64_t(where) : ~uint64_t(0), smallest);
    if (threadIdx.x != 0) return;

    const double old_shrink = old.m == -INFINITY ? 0.0 : double(expf(old.m - joined));
    const RowState now{joined, float(double(old.s) * old_shrink + sum), float(double(old.e) * old_shrink + expected)};
    const int64_t target = int64_t(rows.targets[r]) - first;
    if (target >= 0 && target < columns) rows.logp[r] = row[target];
    if (rows.argmax != nullptr && (first == 0 || top > old.m)) rows.argmax[r] = int32_t(first + int64_t(found));
    if (first + columns < vocab) {
        rows.state[r] = now;
        return;
    }
    const float lse = float(double(joined) + log(double(now.s)));
    rows.lse[r] = lse;
    rows.logp[r] -= lse;
    if (rows.entropy != nullptr) rows.entropy[r] = float(double(lse) - double(now.e) / double(now.s));
}

// dlogits = coef (onehot(target) - softmax) of a piece; T float is in place. blockIdx.x is a row's piece of kThreads * N columns.
template <class T, int N>
__global__ void dlogits_kernel(int64_t first, int64_t columns, int pieces, const float* logits, const int32_t* targets, const float* lse,
                               const float* coef, T* dlogits) {
    const int64_t r = blockIdx.x / unsigned(pieces);
    const int64_t j = (int64_t(blockIdx.x % unsigned(pieces)) * kThreads + threadIdx.x) * N;
    if (j >= columns) return;
    const float shift = lse[r], c = coef[r];
    const int64_t target = int64_t(targets[r]) - first;
    Floats<N> x = load_all<N>(logits + r * columns + j);
#pragma unroll
    for (int i = 0; i < N; i++) x[i] = (j + i == target ? c : 0.0f) - expf(x[i] - shift) * c;
    store_all<N>(dlogits + r * columns + j, x);
}

const void* row_at(DType dtype, const void* x, int64_t row, int64_t width) {
    return static_cast<const char*>(x) + row * width * int64_t(bytes_of(dtype));
}

}  // namespace

void logprob_forward(Device& device, const LogprobForward& op) {
    CudaDevice& d = gpu(device);
    const cuda_head::Pieces pieces = cuda_head::pieces_of(std::max<int64_t>(1, op.rows), op.vocab, cuda_head::row_bytes(op.hidden, op.dtype, false), cuda_head::logit_bytes(op.dtype, false),
                                    op.scratch_bytes);
    float* logits = static_cast<float*>(op.scratch);
    auto* state = reinterpret_cast<RowState*>(logits + pieces.rows * pieces.columns);
    for (int64_t begin = 0; begin < op.rows; begin += pieces.rows) {
        const int64_t rows = std::min(pieces.rows, op.rows - begin);
        const ForwardRows out{op.targets + begin, op.logp + begin, op.lse + begin, op.entropy == nullptr ? nullptr : op.entropy + begin,
                              op.argmax == nullptr ? nullptr : op.argmax + begin, state};
        for (int64_t first = 0; first < op.vocab; first += pieces.columns) {
            const int64_t columns = std::min(pieces.columns, op.vocab - first);
            piece_logits(d, op.dtype, row_at(op.dtype, op.x, begin, op.hidden), op.head, rows, op.hidden, first, columns, logits);
            with_float_vectors({logits}, {columns}, [&](auto vector) {
                APO_LAUNCH(d, log_softmax_kernel<vector>, unsigned(rows), threads_for(columns / vector, kThreads), 0, first, columns, op.vocab,
                           static_cast<const float*>(logits), out);
            });
        }
    }
}

void logprob_backward(Device& device, const LogprobBackward& op) {
    CudaDevice& d = gpu(device);
    const bool narrow = op.dtype == DType::bf16;
    const cuda_head::Pieces pieces = cuda_head::pieces_of(std::max<int64_t>(1, op.rows), op.vocab, cuda_head::row_bytes(op.hidden, op.dtype, true), cuda_head::logit_bytes(op.dtype, true),
                                    op.scratch_bytes);
    float* logits = static_cast<float*>(op.scratch);
    // bf16: dx is summed over the pieces in f32 and rounded once.
    float* wide_dx = logits + pieces.rows * pieces.columns;
    void* dlogits = narrow ? static_cast<void*>(wide_dx + pieces.rows * op.hidden) : logits;
    for (int64_t begin = 0; begin < op.rows; begin += pieces.rows) {
        const int64_t rows = std::min(pieces.rows, op.rows - begin);
        const void* x = row_at(op.dtype, op.x, begin, op.hidden);
        void* dx = const_cast<void*>(row_at(op.dtype, op.dx, begin, op.hidden));
        for (int64_t first = 0; first < op.vocab; first += pieces.columns) {
            const int64_t columns = std::min(pieces.columns, op.vocab - first);
            piece_logits(d, op.dtype, x, op.head, rows, op.hidden, first, columns, logits);
            with_vectors(op.dtype, {logits, dlogits}, {columns}, [&](auto tag, auto vector) {
                using T = decltype(tag);
                const unsigned parts = blocks_for(columns, kThreads * vector);
                APO_LAUNCH(d, (dlogits_kernel<T, vector>), unsigned(rows) * parts, kThreads, 0, first, columns, int(parts),
                           static_cast<const float*>(logits), op.targets + begin, op.lse + begin, op.coef + begin, static_cast<T*>(dlogits));
            });
            // dx = dlogits head; dhead += dlogits^T x
            Gemm g{};
            g.m = rows, g.n = op.hidden, g.k = columns;
            g.a_type = g.b_type = op.dtype, g.c_type = DType::f32;
            g.a = dlogits, g.lda = columns, g.b = row_at(op.dtype, op.head, first, op.hidden), g.ldb = op.hidden;
            g.c = narrow ? static_cast<void*>(wide_dx) : dx, g.ldc = op.hidden, g.beta = first == 0 ? 0.0f : 1.0f;
            gemm(d, g);
            if (op.dhead == nullptr) continue;
            Gemm w{};
            w.m = columns, w.n = op.hidden, w.k = rows;
            w.transpose_a = true;
            w.a_type = w.b_type = op.dtype, w.c_type = DType::f32;
            w.a = dlogits, w.lda = columns, w.b = x, w.ldb = op.hidden;
            w.c = op.dhead + first * op.hidden, w.ldc = op.hidden, w.beta = 1;
            gemm(d, w);
        }
        if (narrow) convert(d, {rows * op.hidden, DType::f32, wide_dx, DType::bf16, dx});
    }
}

}  // namespace cuda
}  // namespace apo
