// The element types of activations and weights: float, and bf16, the upper half of an f32. Arithmetic is in f32.
#pragma once

#include "platform.h"

namespace apo {
namespace cuda {

struct bf16 {
    uint16_t bits;
};

APO_DEVICE float to_float(float x) { return x; }
APO_DEVICE float to_float(bf16 x) { return __uint_as_float(uint32_t(x.bits) << 16); }

// Two floats as two bf16 in a word, `low` in the lower half. Rounds to nearest even; a NaN stays one.
APO_DEVICE uint32_t pack_bf16(float low, float high) {
#if defined(__CUDA_ARCH__)
    uint32_t word;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    return word;
#else
    auto narrow = [](float x) {
        const uint32_t bits = __float_as_uint(x);
        if (x != x) return uint32_t(0x7fff);
        return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    };
    return narrow(low) | narrow(high) << 16;
#endif
}

APO_DEVICE float low_of(uint32_t word) { return __uint_as_float(word << 16); }
APO_DEVICE float high_of(uint32_t word) { return __uint_as_float(word & 0xffff0000u); }

template <class T>
APO_DEVICE T from_float(float x);

template <>
APO_DEVICE float from_float<float>(float x) {
    return x;
}

template <>
APO_DEVICE bf16 from_float<bf16>(float x) {
    return {uint16_t(pack_bf16(x, 0.0f))};
}

}  // namespace cuda
}  // namespace apo
