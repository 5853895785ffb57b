// Whether a function that is declared anew is called as the library's own declaration says.
#pragma once

#include <cstddef>
#include <type_traits>

// An argument's class in the calling convention: its size, and whether it is an address or a floating number.
template <class A, class B>
constexpr bool passes_alike = sizeof(A) == sizeof(B) && std::is_pointer_v<A> == std::is_pointer_v<B> &&
                              std::is_floating_point_v<A> == std::is_floating_point_v<B>;

template <class Ours, class Theirs>
struct Alike : std::false_type {};
template <class R1, class... A1, class R2, class... A2>
struct Alike<R1 (*)(A1...), R2 (*)(A2...)> {
    static constexpr bool same() {
        if constexpr (sizeof...(A1) != sizeof...(A2)) {
            return false;
        } else {
            return passes_alike<R1, R2> && (passes_alike<A1, A2> && ...);
        }
    }
    static constexpr bool value = same();
};
