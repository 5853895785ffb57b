// Matrix products by plain loops, for a build without oneDNN: right, not fast.
#include <omp.h>

#include <vector>

#include "error.h"
#include "matmul.h"

namespace apo {

namespace {

// c(n) += a b for one row of op(A).
void row_product(bool transpose_b, int64_t n, int64_t k, const float* a, int64_t a_step, const float* b, int64_t ldb, float* c) {
    if (transpose_b) {
        for (int64_t j = 0; j < n; j++) {
            float sum = 0;
            for (int64_t p = 0; p < k; p++) sum += a[p * a_step] * b[j * ldb + p];
            c[j] += sum;
        }
        return;
    }
    for (int64_t p = 0; p < k; p++) {
        const float scale = a[p * a_step];
        for (int64_t j = 0; j < n; j++) c[j] += scale * b[p * ldb + j];
    }
}

}  // namespace

void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
           const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
    if (m <= 0 || n <= 0) return;
#pragma omp parallel if (!omp_in_parallel())
    {
        std::vector<float> sums(static_cast<size_t>(n));
#pragma omp for schedule(static)
        for (int64_t i = 0; i < m; i++) {
            sums.assign(size_t(n), 0.0f);
            row_product(transpose_b, n, k, transpose_a ? a + i : a + i * lda, transpose_a ? lda : 1, b, ldb, sums.data());
            float* row = c + i * ldc;
            for (int64_t j = 0; j < n; j++) row[j] = alpha * sums[size_t(j)] + (beta == 0 ? 0 : beta * row[j]);
        }
    }
}

std::string matmul_name() { return "plain loops (built without oneDNN)"; }

Bf16Products matmul_bf16() { return Bf16Products::widened; }

void bf16_gemm(const Gemm&) { fail(APO_E_INTERNAL, "this build multiplies no bf16 in hardware"); }

}  // namespace apo
