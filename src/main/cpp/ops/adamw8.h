// AdamW with 8-bit moments and no f32 copy of bf16 weights, written once so that all backends give the same bits.
//
// A block of 256 elements has a scale s = largest |x| / 1.875 and a code c of 8 bits for each element (block-wise quantisation,
// Dettmers et al., arXiv 2110.02861; the code is a small float instead of their table, so that no table is read):
//   first moment    sign, 4 bits of exponent e, 3 of mantissa m: x = ±s (1 + m/8) 2^(e - 15)
//   second moment   5 bits of exponent, 3 of mantissa:           x =  s (1 + m/8) 2^(e - 31)
// with x = 0 for e = m = 0. Neighbouring codes differ by at most an eighth. Codes are rounded stochastically, in proportion to
// the distances: a mean that moves by less than half a step would otherwise never move. A second moment that is not zero never
// gets code 0, since the step divides by its root. The step itself uses the new moments before they are rounded.
//
// A bf16 weight is rounded stochastically too; an f32 weight is stored as it is. Random bits are Philox's of (seed, step, index).
#pragma once

#include <cmath>
#include <cstdint>

#include "philox.h"
#include "portable.h"

namespace apo {

constexpr int64_t kAdamw8Block = 256;

// What a step's elements share.
struct Adamw8Rates {
    float beta1, beta2, keep1, keep2, decay, step_size, root_scale, eps, gradient_scale;
};

// As adamw_step, arXiv 1711.05101.
inline Adamw8Rates adamw8_rates(double learning_rate, double beta1, double beta2, double eps, double weight_decay, int64_t step,
                                float gradient_scale) {
    return {float(beta1), float(beta2), float(1 - beta1), float(1 - beta2), float(1 - learning_rate * weight_decay),
            float(learning_rate / (1 - std::pow(beta1, double(step)))), float(1 / std::sqrt(1 - std::pow(beta2, double(step)))), float(eps),
            gradient_scale};
}

// Random bits of elements 4 i .. 4 i + 3, a word each: 16 bits for the weight, 8 for each moment.
APO_HD inline Philox4 adamw8_random(uint64_t seed, int64_t step, uint64_t quad) {
    return random_words(seed, Stream::optimizer, quad, uint32_t(step), 0);
}

namespace adamw8 {

// The value of a code's exponent and mantissa, in units of the scale: its bits stand in the exponent and the upper mantissa of
// an f32 whose exponent is `lowest` for e = 0.
APO_HD inline float decode(uint32_t code, uint32_t lowest) { return code == 0 ? 0.0f : float_of_bits((code + (lowest << 3)) << 20); }

constexpr uint32_t kLowest1 = 127 - 15, kLowest2 = 127 - 31;

// Between the codes around z in [0, 1.875], by 8 random bits; codes are 0 to most. Without a branch, for loops over it to be
// vectorised.
APO_HD inline uint32_t encode(float z, uint32_t lowest, uint32_t most, uint32_t random) {
    const float smallest = float_of_bits((1 + (lowest << 3)) << 20);
    const uint32_t below = exact::mul(exact::add(float(int32_t(random)), 0.5f), smallest * 0.00390625f) < z ? 1 : 0;
    const uint32_t above = ((bits_of(z) + (random << 12) + 0x800u) >> 20) - (lowest << 3);
    return z >= smallest ? (above < most ? above : most) : below;
}

}  // namespace adamw8

// Scale of a block whose largest magnitude is given; kept away from where its inverse or the smallest code would vanish.
APO_HD inline float adamw8_scale(float largest) {
    const float scale = exact::mul(largest, 1.0f / 1.875f);
    return largest > 0 && !(scale > 0x1p-100f) ? 0x1p-100f : scale;
}

APO_HD inline float adamw8_moment1(uint8_t code, float scale) {
    const float x = exact::mul(adamw8::decode(code & 127u, adamw8::kLowest1), scale);
    return (code & 128u) != 0 ? -x : x;
}

APO_HD inline float adamw8_moment2(uint8_t code, float scale) { return exact::mul(adamw8::decode(code, adamw8::kLowest2), scale); }

// inverse = 1 / scale, or 0 for a scale of 0.
APO_HD inline uint8_t adamw8_code1(float x, float inverse, uint32_t word) {
    const float z = exact::mul(x < 0 ? -x : x, inverse);
    return uint8_t(adamw8::encode(z, adamw8::kLowest1, 127, word >> 16 & 255u) | (x < 0 ? 128u : 0u));
}

APO_HD inline uint8_t adamw8_code2(float x, float inverse, uint32_t word) {
    const uint32_t code = adamw8::encode(exact::mul(x, inverse), adamw8::kLowest2, 255, word >> 24);
    return uint8_t(code == 0 && x > 0 ? 1u : code);
}

// New moments and weight of an element.
APO_HD inline void adamw8_element(const Adamw8Rates& rates, float gradient, float& moment1, float& moment2, float& weight) {
    using exact::add;
    using exact::mul;
    const float g = mul(gradient, rates.gradient_scale);
    moment1 = add(mul(rates.beta1, moment1), mul(rates.keep1, g));
    moment2 = add(mul(rates.beta2, moment2), mul(mul(rates.keep2, g), g));
#if defined(__CUDA_ARCH__)
    const float root = __fsqrt_rn(moment2);
#else
    const float root = std::sqrt(moment2);
#endif
    const float below = add(mul(root, rates.root_scale), rates.eps);
#if defined(__CUDA_ARCH__)
    const float change = __fdiv_rn(mul(rates.step_size, moment1), below);
#else
    const float change = mul(rates.step_size, moment1) / below;
#endif
    weight = add(mul(weight, rates.decay), -change);
}

// The upper half of an f32, rounded up with the probability that the lower half says; NaN and infinity stay.
APO_HD inline uint16_t adamw8_bf16(float x, uint32_t word) {
    const uint32_t bits = bits_of(x);
    if ((bits & 0x7f800000u) == 0x7f800000u) return uint16_t((bits | (x != x ? 0x400000u : 0u)) >> 16);
    const uint32_t rounded = bits + (word & 0xffffu);
    return uint16_t(((rounded & 0x7f800000u) == 0x7f800000u ? bits : rounded) >> 16);
}

}  // namespace apo
