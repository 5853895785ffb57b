// gemm: one type of operands goes to the matrix library as it is; of f32 with bf16, the bf16 operand is widened first.
#include "dispatch.h"
#include "family.h"
#include "matmul.h"

namespace apo {
namespace cuda {

namespace {

// op's bf16 operand as f32, without its stride.
const void* widened(Device& device, ScratchScope& scratch, const void* x, int64_t rows, int64_t columns, int64_t ld) {
    float* out = scratch.take<float>(rows * columns);
    if (ld == columns) {
        convert(device, {rows * columns, DType::bf16, x, DType::f32, out});
        return out;
    }
    for (int64_t r = 0; r < rows; r++) {
        convert(device, {columns, DType::bf16, static_cast<const bf16*>(x) + r * ld, DType::f32, out + r * columns});
    }
    return out;
}

}  // namespace

void gemm(Device& device, const Gemm& op) {
    if (op.m == 0 || op.n == 0) return;
    CudaDevice& d = gpu(device);
    if (op.a_type == op.b_type && (op.c_type == op.a_type || op.c_type == DType::f32)) {
        d.matrices->multiply(d, op);
        return;
    }
    ScratchScope scratch(d);
    Gemm wide = op;
    wide.a_type = wide.b_type = wide.c_type = DType::f32;
    if (op.a_type == DType::bf16) {
        const int64_t rows = op.transpose_a ? op.k : op.m, columns = op.transpose_a ? op.m : op.k;
        wide.a = widened(device, scratch, op.a, rows, columns, op.lda), wide.lda = columns;
    }
    if (op.b_type == DType::bf16) {
        const int64_t rows = op.transpose_b ? op.n : op.k, columns = op.transpose_b ? op.k : op.n;
        wide.b = widened(device, scratch, op.b, rows, columns, op.ldb), wide.ldb = columns;
    }
    if (op.c_type == DType::f32) {
        d.matrices->multiply(d, wide);
        return;
    }
    // A bf16 result of f32 products is rounded once; it is dense or assigned row by row.
    float* c = scratch.take<float>(op.m * op.n);
    wide.c = c, wide.ldc = op.n;
    auto row = [&](int64_t r) { return static_cast<bf16*>(op.c) + r * op.ldc; };
    const int64_t pieces = op.ldc == op.n ? 1 : op.m, piece = op.m / pieces * op.n;
    for (int64_t i = 0; op.beta != 0 && i < pieces; i++) convert(device, {piece, DType::bf16, row(i), DType::f32, c + i * piece});
    d.matrices->multiply(d, wide);
    for (int64_t i = 0; i < pieces; i++) convert(device, {piece, DType::f32, c + i * piece, DType::bf16, row(i)});
}

}  // namespace cuda
}  // namespace apo
