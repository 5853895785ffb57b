// What the forward and the backward of attention share: tiles of q, k, v in f32, and which keys a query sees.
#pragma once

#include <algorithm>

#include "matmul.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

constexpr int64_t kQueryBlock = 128;
constexpr int64_t kKeyBlock = 256;

struct Tile {
    const float* data;
    int64_t ld;
};

// Rows [begin, end) x D columns at `x`; widened into `room` where they are not f32 already.
inline Tile tile_of(const float* x, int64_t ld, int64_t begin, int64_t, int64_t, float*) { return {x + begin * ld, ld}; }

inline Tile tile_of(const bf16* x, int64_t ld, int64_t begin, int64_t end, int64_t d, float* room) {
    for (int64_t t = begin; t < end; t++) {
        const bf16* source = x + t * ld;
        float* target = room + (t - begin) * d;
        for_vectors(
            d, [&](int64_t j) { store(target + j, load(source + j)); },
            [&](int64_t j, int n) { store_part(target + j, load_part(source + j, n), n); });
    }
    return {room, d};
}

template <class T>
inline void write_rows(const float* x, int64_t rows, int64_t d, T* out, int64_t ld) {
    for (int64_t r = 0; r < rows; r++) {
        const float* source = x + r * d;
        T* target = out + r * ld;
        for_vectors(
            d, [&](int64_t j) { store(target + j, load(source + j)); },
            [&](int64_t j, int n) { store_part(target + j, load_part(source + j, n), n); });
    }
}

// Keys [begin, end) of a block, in token order, and the number that turns a key's token into its position.
struct KeyBlock {
    int64_t begin, end;
    int64_t position_offset;  // position = token + position_offset
    bool own;                 // of the query's segment: causal

    // The keys that query token t at `position` sees: [first, last), empty where first >= last.
    int64_t first(int64_t position, int32_t window) const {
        return window > 0 ? std::max(begin, position - window + 1 - position_offset) : begin;
    }
    int64_t last(int64_t t) const { return own ? std::min(end, t + 1) : end; }
};

// Calls body for each block of keys that some query of [q0, q1) sees.
template <class Body>
void for_key_blocks(const Segment& segment, int64_t q0, int64_t q1, int32_t window, Body body) {
    const int64_t first_position = segment.position + q0 - segment.begin;
    auto range = [&](int64_t begin, int64_t end, int64_t offset, bool own) {
        for (int64_t k = begin; k < end; k += kKeyBlock) {
            const KeyBlock block{k, std::min(end, k + kKeyBlock), offset, own};
            if (block.first(first_position, window) < block.end) body(block);
        }
    };
    range(segment.prompt_begin, segment.prompt_end, -int64_t(segment.prompt_begin), false);
    range(segment.begin, q1, int64_t(segment.position) - segment.begin, true);
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
