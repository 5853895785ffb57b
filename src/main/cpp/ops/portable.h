// What lets one inline function serve the host and a GPU.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define APO_HD __host__ __device__
#else
#define APO_HD
#endif

namespace apo {

// Products and sums that no compiler joins into a fused multiply-add, for what must have the same bits on every backend.
// A host file that uses them is compiled with -ffp-contract=off (METAAPO_CPU_EXACT in CMakeLists.txt).
namespace exact {

APO_HD inline float mul(float a, float b) {
#if defined(__CUDA_ARCH__)
    return __fmul_rn(a, b);
#else
    return a * b;
#endif
}

APO_HD inline float add(float a, float b) {
#if defined(__CUDA_ARCH__)
    return __fadd_rn(a, b);
#else
    return a + b;
#endif
}

}  // namespace exact

APO_HD inline uint32_t bits_of(float x) {
#if defined(__CUDA_ARCH__)
    return __float_as_uint(x);
#else
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
#endif
}

APO_HD inline float float_of_bits(uint32_t bits) {
#if defined(__CUDA_ARCH__)
    return __uint_as_float(bits);
#else
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
#endif
}

}  // namespace apo
