// The log-prob head: logits of a chunk of rows at a time, so that memory does not depend on rows times vocabulary.
#include <algorithm>
#include <cmath>

#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

void chunk_logits(Device& device, DType dtype, const void* x, const void* head, int64_t rows, int64_t hidden, int64_t vocab,
                  float* logits) {
    Gemm gemm{};
    gemm.m = rows, gemm.n = vocab, gemm.k = hidden;
    gemm.transpose_b = true;
    gemm.a_type = gemm.b_type = dtype, gemm.c_type = DType::f32;
    gemm.a = x, gemm.lda = hidden, gemm.b = head, gemm.ldb = hidden, gemm.c = logits, gemm.ldc = vocab;
    APO_ISA_NAMESPACE::gemm(device, gemm);
}

const void* row_at(DType dtype, const void* x, int64_t row, int64_t width) {
    return static_cast<const char*>(x) + row * width * int64_t(bytes_of(dtype));
}

void* row_at(DType dtype, void* x, int64_t row, int64_t width) {
    return static_cast<char*>(x) + row * width * int64_t(bytes_of(dtype));
}

// Largest logit and log-sum-exp of a row; the sum is kept in blocks, since f32 loses digits over a large vocabulary.
float log_sum_exp(const float* row, int64_t n, float* maximum_out) {
    vf m = splat(-INFINITY);
    int64_t j = 0;
    for (; j + kLanes <= n; j += kLanes) m = maximum(m, load(row + j));
    float top = largest(m);
    for (; j < n; j++) top = std::max(top, row[j]);
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += 1024) {
        const int64_t end = std::min<int64_t>(n, begin + 1024);
        vf block{};
        for (j = begin; j + kLanes <= end; j += kLanes) block += exp(load(row + j) - top);
        total += double(sum(block));
        for (; j < end; j++) total += std::exp(row[j] - top);
    }
    *maximum_out = top;
    return float(double(top) + std::log(total));
}

// Entropy of softmax(row): lse - sum p x.
float entropy_of(const float* row, int64_t n, float lse) {
    double expected = 0;
    for (int64_t j = 0; j < n; j++) {
        const float p = std::exp(row[j] - lse);
        if (p > 0) expected += double(p) * row[j];
    }
    return float(double(lse) - expected);
}

}  // namespace

void logprob_forward(Device& device, const LogprobForward& op) {
    const int64_t chunk = std::max<int64_t>(1, int64_t(op.scratch_bytes / (size_t(op.vocab) * sizeof(float))));
    float* logits = static_cast<float*>(op.scratch);
    for (int64_t begin = 0; begin < op.rows; begin += chunk) {
        const int64_t rows = std::min(chunk, op.rows - begin);
        chunk_logits(device, op.dtype, row_at(op.dtype, op.x, begin, op.hidden), op.head, rows, op.hidden, op.vocab, logits);
        parallel_ranges(device, rows, 1, [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; i++) {
                const float* row = logits + i * op.vocab;
                const int64_t r = begin + i;
                float top;
                const float lse = log_sum_exp(row, op.vocab, &top);
                op.lse[r] = lse;
                op.logp[r] = row[op.targets[r]] - lse;
                if (op.argmax != nullptr) op.argmax[r] = int32_t(std::find(row, row + op.vocab, top) - row);
                if (op.entropy != nullptr) op.entropy[r] = entropy_of(row, op.vocab, lse);
            }
        });
    }
}

void logprob_backward(Device& device, const LogprobBackward& op) {
    const int64_t chunk = std::max<int64_t>(1, int64_t(op.scratch_bytes / (size_t(op.vocab) * sizeof(float))));
    float* logits = static_cast<float*>(op.scratch);
    for (int64_t begin = 0; begin < op.rows; begin += chunk) {
        const int64_t rows = std::min(chunk, op.rows - begin);
        const void* x = row_at(op.dtype, op.x, begin, op.hidden);
        chunk_logits(device, op.dtype, x, op.head, rows, op.hidden, op.vocab, logits);
        parallel_ranges(device, rows, 1, [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; i++) {
                float* row = logits + i * op.vocab;
                const float lse = op.lse[begin + i], coef = op.coef[begin + i];
                for_vectors(
                    op.vocab, [&](int64_t j) { store(row + j, exp(load(row + j) - lse) * -coef); },
                    [&](int64_t j, int n) { store_part(row + j, exp(load_part(row + j, n) - lse) * -coef, n); });
                row[op.targets[begin + i]] += coef;
            }
        });
        // dx = dlogits head; dhead += dlogits^T x
        Gemm dx{};
        dx.m = rows, dx.n = op.hidden, dx.k = op.vocab;
        dx.a_type = DType::f32, dx.b_type = dx.c_type = op.dtype;
        dx.a = logits, dx.lda = op.vocab, dx.b = op.head, dx.ldb = op.hidden;
        dx.c = row_at(op.dtype, op.dx, begin, op.hidden), dx.ldc = op.hidden;
        gemm(device, dx);
        if (op.dhead == nullptr) continue;
        Gemm dhead{};
        dhead.m = op.vocab, dhead.n = op.hidden, dhead.k = rows;
        dhead.transpose_a = true;
        dhead.a_type = DType::f32, dhead.b_type = op.dtype, dhead.c_type = DType::f32;
        dhead.a = logits, dhead.lda = op.vocab, dhead.b = x, dhead.ldb = op.hidden;
        dhead.c = op.dhead, dhead.ldc = op.hidden, dhead.beta = 1;
        gemm(device, dhead);
    }
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
