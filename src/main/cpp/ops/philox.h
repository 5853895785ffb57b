// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011): random numbers as a function of a
// counter and a key, so that a draw depends on what it is for and not on when it is made.
#pragma once

#include <cstdint>

#include "portable.h"

namespace apo {

struct Philox4 {
    uint32_t word[4];
};

APO_HD inline Philox4 philox4x32_10(Philox4 counter, uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; round++) {
        const uint64_t product0 = uint64_t(0xD2511F53u) * counter.word[0];
        const uint64_t product1 = uint64_t(0xCD9E8D57u) * counter.word[2];
        counter = {{uint32_t(product1 >> 32) ^ counter.word[1] ^ key0, uint32_t(product1),
                    uint32_t(product0 >> 32) ^ counter.word[3] ^ key1, uint32_t(product0)}};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return counter;
}

// What a draw is for; the top three bits of the fourth counter word, so that streams never meet.
enum class Stream : uint32_t { sample = 0, dropout = 1, initialize = 2, decision = 4, optimizer = 6 };

// Four words for draw (a, b, c) of a stream under a 64-bit seed; c < 2^29.
APO_HD inline Philox4 random_words(uint64_t seed, Stream stream, uint64_t a, uint32_t b, uint32_t c) {
    return philox4x32_10({{uint32_t(a), uint32_t(a >> 32), b, c ^ (uint32_t(stream) << 29)}}, uint32_t(seed),
                         uint32_t(seed >> 32));
}

// Uniform in (0, 1) with 52 bits, never 0 and never 1.
APO_HD inline double uniform(uint32_t high, uint32_t low) {
    const uint64_t bits = (uint64_t(high) << 21) ^ (uint64_t(low) >> 11);
    return (double(bits & ((uint64_t(1) << 52) - 1)) + 0.5) * (1.0 / 4503599627370496.0);
}

}  // namespace apo
