// gemm: f32 goes to oneDNN as it is, bf16 too where the hardware multiplies it faster than f32. Elsewhere, and where f32 meets
// bf16, the product is ours, which widens bf16 to f32; what it multiplies is then exact. Few rows have products of their own.
#include <algorithm>

#include "family.h"
#include "few_rows.h"
#include "matmul.h"
#include "packed_product.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

constexpr int64_t kFewRows = 64;                // up to here the product of few rows is taken, or the transposed one
constexpr int64_t kTransposedFloats = 1 << 18;  // of C^T at a time: 1 MiB, for the second-level cache
constexpr int64_t kColumns = 32;                // of C^T's rows that are turned together, from the first-level cache

// C(:, first ..) = or += c^T, c(n,m).
template <class T>
void turn(Device& device, const Gemm& op, int64_t first, int64_t n, const float* c) {
    T* target = static_cast<T*>(op.c) + first;
    parallel_ranges(device, (n + kColumns - 1) / kColumns, 1 + 16384 / (kColumns * op.m), [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; block++) {
            const int64_t j0 = block * kColumns, j1 = std::min(n, j0 + kColumns);
            for (int64_t i = 0; i < op.m; i++) {
                T* row = target + i * op.ldc;
                for (int64_t j = j0; j < j1; j++) row[j] = from_float<T>(c[j * op.m + i] + (op.beta != 0 ? to_float(row[j]) : 0.0f));
            }
        }
    });
}

// Few rows of bf16 with tile instructions (AMX), as C^T = B A^T: the library reads its first operand where it lies and packs the
// second, and so packs the few rows and not the weights: about 1.5 times as fast.
void transposed(Device& device, const Gemm& op) {
    const int64_t n_block = std::min(op.n, std::max<int64_t>(64, kTransposedFloats / op.m));
    float* c = cpu(device).shared_floats(size_t(n_block * op.m));
    for (int64_t n0 = 0; n0 < op.n; n0 += n_block) {
        Gemm part{};
        part.m = std::min(n_block, op.n - n0), part.n = op.m, part.k = op.k;
        part.transpose_b = true;
        part.a_type = part.b_type = DType::bf16, part.c_type = DType::f32;
        part.a = static_cast<const bf16*>(op.b) + n0 * op.ldb, part.lda = op.ldb;
        part.b = op.a, part.ldb = op.lda;
        part.c = c, part.ldc = op.m;
        bf16_gemm(part);
        with_type(op.c_type, [&](auto tag) { turn<decltype(tag)>(device, op, n0, part.m, c); });
    }
}

}  // namespace

void gemm(Device& device, const Gemm& op) {
    if (op.m == 0 || op.n == 0) return;
    ThreadScope scope(device);
    const bool few = op.m <= kFewRows && op.transpose_b && !op.transpose_a;
    if (few && (cpu(device).bf16 == Bf16Products::widened || op.b_type == DType::f32)) {
        few_rows(device, op);
    } else if (few && cpu(device).bf16 == Bf16Products::tiles && op.a_type == op.b_type) {
        transposed(device, op);
    } else if (op.a_type == DType::f32 && op.b_type == DType::f32) {
        sgemm(op.transpose_a, op.transpose_b, op.m, op.n, op.k, 1, static_cast<const float*>(op.a), op.lda, static_cast<const float*>(op.b), op.ldb,
              op.beta, static_cast<float*>(op.c), op.ldc);
    } else if (cpu(device).bf16 != Bf16Products::widened && op.a_type == op.b_type) {
        bf16_gemm(op);
    } else {
        packed_product(device, op);
    }
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
