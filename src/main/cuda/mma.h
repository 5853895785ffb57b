// Tensor-core products of a warp and the loads of their operands (PTX ISA, "Matrix multiply-accumulate operation using
// mma instruction"; sm_80).
//
// Fragments, with g = lane / 4 and c = lane % 4, and pairs of neighbouring columns (A, D) or rows (B) in one 32-bit word,
// the first in the lower half:
//   m16n8k16, bf16   a[0] = A(g, 2c..)    a[1] = A(g+8, 2c..)  a[2] = A(g, 2c+8..)  a[3] = A(g+8, 2c+8..)
//                    b[0] = B(2c.., g)    b[1] = B(2c+8.., g)
//   m16n8k8, tf32    a[0] = A(g, c)       a[1] = A(g+8, c)     a[2] = A(g, c+4)     a[3] = A(g+8, c+4)
//                    b[0] = B(c, g)       b[1] = B(c+4, g)
//   both, f32        d[0], d[1] = D(g, 2c), D(g, 2c+1)         d[2], d[3] = D(g+8, 2c), D(g+8, 2c+1)
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

// d(16,8) += a(16,8) b(8,8), tf32 (10 bits of mantissa; the lower bits of the operands are not read) with f32 accumulation.
APO_DEVICE void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(__CUDA_ARCH__)
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif defined(APO_CUDA_EMULATION)
    emulation::mma_tf32(d, a, b);
#endif
}

// The part of x that tf32 holds, rounded to nearest, ties away from zero.
APO_DEVICE uint32_t tf32_of(float x) {
#if defined(__CUDA_ARCH__)
    uint32_t bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
#else
    return (__float_as_uint(x) + 0x1000u) & 0xffffe000u;
#endif
}

// d(16,8) += a(16,8) b(8,8) in f32, to about 2^-21 of |a||b|: each operand in two tf32 parts, three products; what is left
// out is the product of the two small parts.
APO_DEVICE void mma_f32(float (&d)[4], const float (&a)[4], const float (&b)[2]) {
    uint32_t a_high[4], a_low[4], b_high[2], b_low[2];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        a_high[i] = tf32_of(a[i]);
        a_low[i] = tf32_of(a[i] - __uint_as_float(a_high[i]));
    }
#pragma unroll
    for (int i = 0; i < 2; i++) {
        b_high[i] = tf32_of(b[i]);
        b_low[i] = tf32_of(b[i] - __uint_as_float(b_high[i]));
    }
    mma_tf32(d, a_low, b_high);
    mma_tf32(d, a_high, b_low);
    mma_tf32(d, a_high, b_high);
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
