// The numbers that decide which token is drawn. Weights are whole numbers, made by the same roundings everywhere, so that
// sums of them do not depend on an order and every backend draws the same token from equal logits.
#pragma once

#include <cmath>
#include <cstdint>

#include "portable.h"

namespace apo {

// Grows with x; equal for equal x; NaN is below everything.
APO_HD inline uint32_t sampling_key(float x) {
    const uint32_t bits = x == 0 ? 0 : bits_of(x);  // one zero
    const uint32_t key = bits ^ ((0 - (bits >> 31)) | 0x80000000u);
    return x != x ? 0 : key;
}

// The x of a key.
APO_HD inline float sampling_logit(uint32_t key) {
    return float_of_bits((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
}

// Tokens from the most probable to the least, equals by id, are in rising order of these words.
APO_HD inline uint64_t sampling_order(float x, int32_t id) { return uint64_t(~sampling_key(x)) << 32 | uint32_t(id); }

// e^((x - top) / temperature) in units of 2^-40, for x <= top and inverse = 1 / temperature; 0 for NaN. A sum over fewer
// than 2^23 tokens stays below 2^63. x = n ln 2 + r with a polynomial in r (relative error about 2^-23). Without a branch, for
// loops over it to be vectorised.
APO_HD inline uint64_t sampling_weight(float x, float top, float inverse) {
    using exact::add;
    using exact::mul;
    const float power_of_e = mul(add(x, -top), inverse);
    const float d = power_of_e > -27.8f ? power_of_e : -27.8f;  // where the weight is 0.94, and so 0
    constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: the sum's low bits are the rounded integer
    const float n = add(add(mul(d, 1.44269504f), kRound), -kRound);
    const float r = add(add(d, mul(n, -0.693359375f)), mul(n, 2.12194440e-4f));  // ln 2 in two parts
    float p = 1.9875691500e-4f;
    p = add(mul(p, r), 1.3981999507e-3f);
    p = add(mul(p, r), 8.3334519073e-3f);
    p = add(mul(p, r), 4.1665795894e-2f);
    p = add(mul(p, r), 1.6666665459e-1f);
    p = add(mul(p, r), 5.0000001201e-1f);
    p = add(add(mul(mul(p, r), r), r), 1.0f);
    const float power = float_of_bits(uint32_t(int32_t(n) + 40 + 127) << 23);
    // To a whole number in two parts of 20 bits, which any processor converts.
    const float weight = mul(p, power);
    const int32_t high = int32_t(mul(weight, 0x1p-20f)), low = int32_t(add(weight, -mul(float(high), 0x1p20f)));
    return (uint64_t(uint32_t(high)) << 20) + uint32_t(low);
}

// The mass that the kept tokens must reach: top_p of the total, at least 1.
APO_HD inline uint64_t sampling_mass(double top_p, uint64_t total) {
    const double wanted = std::ceil(top_p * double(total));
    if (wanted >= double(total)) return total;
    return wanted < 1 ? 1 : uint64_t(wanted);
}

// Inversion: the token drawn is the first whose running sum is above this. total > 0, u in (0, 1).
APO_HD inline uint64_t sampling_target(double u, uint64_t total) {
    const uint64_t target = uint64_t(u * double(total));
    return target < total ? target : total - 1;
}

}  // namespace apo
