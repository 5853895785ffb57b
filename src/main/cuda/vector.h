// Loads and stores of N elements at once, as floats. N elements of T are 16 bytes, or 8, or a single element; the address is
// a multiple of that size.
#pragma once

#include "bf16.h"

namespace apo {
namespace cuda {

template <int N>
struct Floats {
    float at[N];
    APO_DEVICE float& operator[](int i) { return at[i]; }
    APO_DEVICE float operator[](int i) const { return at[i]; }
};

// Elements of T in 16 bytes.
template <class T>
constexpr int kVector = 16 / int(sizeof(T));

namespace inner {

template <int Bytes>
struct Word;
template <>
struct Word<2> { using type = uint16_t; };
template <>
struct Word<4> { using type = uint32_t; };
template <>
struct Word<8> { using type = uint2; };
template <>
struct Word<16> { using type = uint4; };

template <int N, class T>
union Pack {
    typename Word<N * int(sizeof(T))>::type word;
    T element[N];
};

}  // namespace inner

template <int N, class T>
APO_DEVICE Floats<N> load(const T* p) {
    inner::Pack<N, T> pack;
    pack.word = *reinterpret_cast<const decltype(pack.word)*>(p);
    Floats<N> x;
#pragma unroll
    for (int i = 0; i < N; i++) x[i] = to_float(pack.element[i]);
    return x;
}

template <int N>
APO_DEVICE void store(float* p, const Floats<N>& x) {
    inner::Pack<N, float> pack;
#pragma unroll
    for (int i = 0; i < N; i++) pack.element[i] = x[i];
    *reinterpret_cast<decltype(pack.word)*>(p) = pack.word;
}

template <int N>
APO_DEVICE void store(bf16* p, const Floats<N>& x) {
    if constexpr (N == 1) {
        *p = from_float<bf16>(x[0]);
    } else {
        union {
            typename inner::Word<N * 2>::type word;
            uint32_t pair[N / 2];
        } pack;
#pragma unroll
        for (int i = 0; i < N / 2; i++) pack.pair[i] = pack_bf16(x[2 * i], x[2 * i + 1]);
        *reinterpret_cast<decltype(pack.word)*>(p) = pack.word;
    }
}

namespace inner {

// The most elements of T, up to N, that one instruction takes.
template <int N, class T>
constexpr int kStep = N < kVector<T> ? N : kVector<T>;

}  // namespace inner

// N elements of any type, in as many loads or stores of 16 bytes as that takes.
template <int N, class T>
APO_DEVICE Floats<N> load_all(const T* p) {
    constexpr int step = inner::kStep<N, T>;
    Floats<N> x;
#pragma unroll
    for (int i = 0; i < N; i += step) {
        const Floats<step> part = load<step>(p + i);
#pragma unroll
        for (int j = 0; j < step; j++) x[i + j] = part[j];
    }
    return x;
}

template <int N, class T>
APO_DEVICE void store_all(T* p, const Floats<N>& x) {
    constexpr int step = inner::kStep<N, T>;
#pragma unroll
    for (int i = 0; i < N; i += step) {
        Floats<step> part;
#pragma unroll
        for (int j = 0; j < step; j++) part[j] = x[i + j];
        store(p + i, part);
    }
}

}  // namespace cuda
}  // namespace apo
