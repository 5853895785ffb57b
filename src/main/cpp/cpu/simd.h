// Vectors of floats as wide as the instruction set that a file is compiled for, on the compiler's own vector types.
#pragma once

#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace apo {
namespace APO_ISA_NAMESPACE {

// A brain float: the upper half of an f32.
struct bf16 {
    uint16_t bits;
};

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float vf __attribute__((vector_size(kLanes * 4)));
typedef int32_t vi __attribute__((vector_size(kLanes * 4)));
typedef uint32_t vu __attribute__((vector_size(kLanes * 4)));
typedef uint16_t vh __attribute__((vector_size(kLanes * 2)));

inline vf splat(float x) { return x - vf{}; }

inline vf load(const float* p) {
    vf v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

inline vf load(const bf16* p) {
    vh half;
    std::memcpy(&half, p, sizeof half);
    // By one instruction, where the compiler would widen two halves and join them.
#if defined(__AVX512F__)
    const vu wide = (vu)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)half);
#elif defined(__AVX2__)
    const vu wide = (vu)_mm256_cvtepu16_epi32((__m128i)half);
#else
    const vu wide = __builtin_convertvector(half, vu);
#endif
    return (vf)(wide << 16);
}

inline void store(float* p, vf v) { std::memcpy(p, &v, sizeof v); }

// Rounds to nearest even; a NaN stays one.
inline void store(bf16* p, vf v) {
    const vu bits = (vu)v;
    const vu rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    const vh half = __builtin_convertvector(((v != v) ? (bits | 0x400000u) : rounded) >> 16, vh);
    std::memcpy(p, &half, sizeof half);
}

inline float to_float(float x) { return x; }

inline float to_float(bf16 x) {
    const uint32_t bits = uint32_t(x.bits) << 16;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

template <class T>
T from_float(float x);

template <>
inline float from_float<float>(float x) {
    return x;
}

template <>
inline bf16 from_float<bf16>(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    if (x != x) return {uint16_t((bits | 0x400000u) >> 16)};
    return {uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

// The first n < kLanes elements, the rest zero; and back.
template <class T>
inline vf load_part(const T* p, int n) {
    T part[kLanes] = {};
    for (int i = 0; i < n; i++) part[i] = p[i];
    return load(part);
}

template <class T>
inline void store_part(T* p, vf v, int n) {
    T part[kLanes];
    store(part, v);
    for (int i = 0; i < n; i++) p[i] = part[i];
}

inline vf maximum(vf a, vf b) { return a > b ? a : b; }

inline float sum(vf v) {
    float lane[kLanes];
    store(lane, v);
    for (int width = kLanes / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) lane[i] += lane[i + width];
    }
    return lane[0];
}

inline float largest(vf v) {
    float lane[kLanes];
    store(lane, v);
    float m = lane[0];
    for (int i = 1; i < kLanes; i++) m = lane[i] > m ? lane[i] : m;
    return m;
}

// e^x to 2 units in the last place: x = n ln 2 + r, a polynomial in r. 0 below -87.3, infinite above 88.7, NaN for NaN.
inline vf exp(vf x) {
    const vf clamped = x < -87.33654f ? splat(-87.33654f) : (x > 88.72283f ? splat(88.72283f) : x);
    const vf shifted = clamped * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: the sum's low bits are the rounded integer
    const vf n = shifted - 12582912.0f;
    const vf r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
    vf p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = (p * r) * r + r + 1.0f;
    // 2^n in two steps, for n may be 128
    const vi exponent = (vi)shifted - (vi)splat(12582912.0f);
    const vi half = exponent >> 1;
    const vf result = (p * (vf)((half + 127) << 23)) * (vf)((exponent - half + 127) << 23);
    return x < -87.33654f ? vf{} : (x > 88.72283f ? splat(__builtin_inff()) : (x != x ? x : result));
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
