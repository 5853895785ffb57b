// An f32 master weight in two halves: the bf16 weight that the model runs on, and the 16 bits that the rounding left over. Both
// together have all bits of the f32 number, so that the optimizer's arithmetic is that of a separate f32 copy, at 4 bytes a
// weight in place of 6.
//
// The f32 bits are (upper << 16) + remainder, with the remainder read as signed. upper is the nearest bf16 number; of two that are
// equally near it is the one of larger magnitude, for the remainder has no room for +32768.
#pragma once

#include "portable.h"

namespace apo {

struct SplitF32 {
    uint16_t upper, remainder;
};

APO_HD inline SplitF32 split_f32(float x) {
    const uint32_t bits = bits_of(x);
    const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
    // Infinity stays as it is; of a NaN one bit of the payload that no rounding takes away.
    const uint32_t upper = finite ? (bits + 0x8000u) >> 16 : (bits | (x != x ? 0x400000u : 0u)) >> 16;
    return {uint16_t(upper), uint16_t(finite ? bits : 0u)};
}

APO_HD inline float join_f32(uint16_t upper, uint16_t remainder) {
    // The remainder's sign, extended, takes one from the upper half where the rounding went up.
    return float_of_bits((uint32_t(upper) << 16) + uint32_t(int32_t(int16_t(remainder))));
}

}  // namespace apo
