// Matrix products, row-major: by oneDNN (matmul.cpp), or by plain loops in a build without it (matmul_plain.cpp).
#pragma once

#include <string>

#include "device.h"

namespace apo {

// Gives the calling thread's OpenMP the device's number of threads while it lives; oneDNN asks OpenMP for it.
class ThreadScope {
public:
    explicit ThreadScope(const Device& device);
    ~ThreadScope();
    ThreadScope(const ThreadScope&) = delete;

private:
    int before_;
};

// C(m,n) = op(A) op(B) + beta C in f32. Sequential when called from a parallel region.
void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
           const float* b, int64_t ldb, float beta, float* c, int64_t ldc);

// With version, such as "oneDNN 3.11.0".
std::string matmul_name();

// By which instructions bf16_gemm would multiply here; `widened`: by none, and it must not be called.
Bf16Products matmul_bf16();

// The same of two bf16 matrices on hardware that multiplies bf16, with f32 accumulation; C is f32 or bf16.
void bf16_gemm(const Gemm& gemm);

}  // namespace apo
