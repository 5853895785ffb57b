// The matrix library of the emulation: a plain loop that stands in for cuBLASLt behind the same interface.
#include "matmul.h"

#include <cmath>

#include "launch.h"
#include "vector.h"

namespace apo {
namespace cuda {

namespace {

float element(DType type, const void* x, int64_t at) {
    return type == DType::f32 ? static_cast<const float*>(x)[at] : to_float(static_cast<const bf16*>(x)[at]);
}

// A block has a row; it is a kernel for the work to be in the stream's order.
__global__ void multiply_kernel(Gemm op) {
    const int64_t row = blockIdx.x;
    for (int64_t column = threadIdx.x; column < op.n; column += blockDim.x) {
        float sum = 0;
        for (int64_t k = 0; k < op.k; k++) {
            sum += element(op.a_type, op.a, op.transpose_a ? k * op.lda + row : row * op.lda + k) *
                   element(op.b_type, op.b, op.transpose_b ? column * op.ldb + k : k * op.ldb + column);
        }
        const int64_t at = row * op.ldc + column;
        if (op.beta != 0) sum += op.beta * element(op.c_type, op.c, at);
        if (op.c_type == DType::f32) {
            static_cast<float*>(op.c)[at] = sum;
        } else {
            static_cast<bf16*>(op.c)[at] = from_float<bf16>(sum);
        }
    }
}

class PlainLoop final : public MatrixLibrary {
public:
    void multiply(CudaDevice& device, const Gemm& op) override {
        APO_LAUNCH(device, multiply_kernel, unsigned(op.m), 32, 0, op);
    }
    std::string name() const override { return "plain loop (emulation)"; }
};

}  // namespace

std::unique_ptr<MatrixLibrary> open_matrix_library(CudaDevice&) { return std::make_unique<PlainLoop>(); }

}  // namespace cuda
}  // namespace apo
