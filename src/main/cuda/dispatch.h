// Which instance of a kernel an op takes: by element type, and by whether rows are whole 16-byte vectors.
#pragma once

#include <initializer_list>
#include <type_traits>

#include "launch.h"
#include "vector.h"

namespace apo {
namespace cuda {

// body(T{}) with T float or bf16.
template <class Body>
void with_type(DType dtype, Body body) {
    if (dtype == DType::f32) {
        body(float{});
    } else {
        body(bf16{});
    }
}

// Whether all addresses, and distances of rows in bytes, are multiples of 16.
inline bool in_vectors(std::initializer_list<const void*> addresses, std::initializer_list<int64_t> row_bytes) {
    for (const void* address : addresses) {
        if (reinterpret_cast<uintptr_t>(address) % 16 != 0) return false;
    }
    for (int64_t bytes : row_bytes) {
        if (bytes % 16 != 0) return false;
    }
    return true;
}

// body(T{}, N) with N elements of T at a time, as an integral_constant: 16 bytes, or one element.
template <class Body>
void with_vectors(DType dtype, std::initializer_list<const void*> addresses, std::initializer_list<int64_t> row_elements, Body body) {
    bool whole = in_vectors(addresses, {});
    for (int64_t elements : row_elements) whole = whole && elements * int64_t(bytes_of(dtype)) % 16 == 0;
    with_type(dtype, [&](auto tag) {
        using T = decltype(tag);
        if (whole) {
            body(tag, std::integral_constant<int, kVector<T>>{});
        } else {
            body(tag, std::integral_constant<int, 1>{});
        }
    });
}

// body(N) for f32 arrays alone.
template <class Body>
void with_float_vectors(std::initializer_list<const void*> addresses, std::initializer_list<int64_t> row_elements, Body body) {
    bool whole = in_vectors(addresses, {});
    for (int64_t elements : row_elements) whole = whole && elements % kVector<float> == 0;
    if (whole) {
        body(std::integral_constant<int, kVector<float>>{});
    } else {
        body(std::integral_constant<int, 1>{});
    }
}

// Threads of a block whose threads share `items` of work: whole warps, at most `most`.
inline unsigned threads_for(int64_t items, int64_t most) {
    const int64_t wanted = (items + kWarp - 1) / kWarp * kWarp;
    return unsigned(wanted < most ? (wanted > 0 ? wanted : kWarp) : most);
}

}  // namespace cuda
}  // namespace apo
