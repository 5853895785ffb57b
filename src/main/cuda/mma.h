// Tensor-core products of a warp and the loads of their operands (PTX ISA, "Matrix multiply-accumulate operation using
// mma instruction"; sm_80).
//
// Fragments, with g = lane / 4 and c = lane % 4, and pairs of neighbouring columns (A, D) or rows (B) in one 32-bit word,
// the first in the lower half:
//   a[0] = A(g, 2c..)    a[1] = A(g+8, 2c..)   a[2] = A(g, 2c+8..)   a[3] = A(g+8, 2c+8..)
//   b[0] = B(2c.., g)    b[1] = B(2c+8.., g)
//   d[0], d[1] = D(g, 2c), D(g, 2c+1)          d[2], d[3] = D(g+8, 2c), D(g+8, 2c+1)
#pragma once

#include "platform.h"

namespace apo {
namespace cuda {

// d(16,8) += a(16,16) b(16,8), bf16 with f32 accumulation.
APO_DEVICE void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(__CUDA_ARCH__)
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif defined(APO_CUDA_EMULATION)
    emulation::mma_bf16(d, a, b);
#endif
}

// Four 8 x 8 matrices of 16-bit elements from shared memory. Lanes 8m .. 8m+7 give the addresses, multiples of 16, of the
// rows of matrix m; lane l gets elements (l/4, 2(l%4)) and (l/4, 2(l%4)+1) of matrix m in r[m].
APO_DEVICE void load_matrices(uint32_t (&r)[4], const void* shared_row) {
#if defined(__CUDA_ARCH__)
    const uint32_t row = uint32_t(__cvta_generic_to_shared(shared_row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(row)
                 : "memory");
#elif defined(APO_CUDA_EMULATION)
    emulation::load_matrices(r, shared_row, false);
#endif
}

// The same of the transposed matrices: lane l gets elements (2(l%4), l/4) and (2(l%4)+1, l/4).
APO_DEVICE void load_matrices_transposed(uint32_t (&r)[4], const void* shared_row) {
#if defined(__CUDA_ARCH__)
    const uint32_t row = uint32_t(__cvta_generic_to_shared(shared_row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(row)
                 : "memory");
#elif defined(APO_CUDA_EMULATION)
    emulation::load_matrices(r, shared_row, true);
#endif
}

}  // namespace cuda
}  // namespace apo
