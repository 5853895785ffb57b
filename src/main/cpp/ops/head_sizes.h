// How much of the log-prob head's work each backend takes at once, and the scratch memory for it: from shapes alone, so that a plan
// for a GPU can be made where its library or the GPU is missing. The bounds for all rows and vocabularies are 64 MiB forward
// and 256 MiB backward, beside 16 bytes a row forward and 4 * hidden bytes a row backward. Everything is static: a copy of a
// function must not be shared between files that are compiled for different instruction sets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ops.h"

namespace apo {

struct HeadSizes {
    int64_t (*rows)(int64_t rows, int64_t hidden, int64_t vocab, bool backward);                    // OpTable::logprob_rows
    size_t (*scratch)(int64_t rows, int64_t hidden, int64_t vocab, DType dtype, bool backward);  // OpTable::logprob_scratch
};

static inline HeadSizes head_sizes(const OpTable& ops) { return {ops.logprob_rows, ops.logprob_scratch}; }

// Chunks of rows with all their logits.
namespace cpu_head {

// Of logits; with the panels that gemm widens, a forward stays within 64 MiB and a backward within 256 MiB.
constexpr size_t kForwardBytes = size_t(40) << 20;
constexpr size_t kBackwardBytes = size_t(192) << 20;
constexpr int64_t kMostRows = 2048;

static inline int64_t chunk_rows(size_t bytes, int64_t vocab) {
    return std::clamp<int64_t>(int64_t(bytes / (size_t(vocab) * sizeof(float))), 1, kMostRows);
}

static inline int64_t rows(int64_t rows, int64_t, int64_t vocab, bool backward) {
    return std::min(rows, chunk_rows(backward ? kBackwardBytes : kForwardBytes, vocab));
}

static inline size_t scratch(int64_t rows, int64_t hidden, int64_t vocab, DType, bool backward) {
    return size_t(cpu_head::rows(rows, hidden, vocab, backward)) * size_t(vocab) * sizeof(float);
}

}  // namespace cpu_head

// Many rows, with their logits in pieces of columns.
namespace cuda_head {

// Forward: 48 MiB of logits, beside the gathered rows. Backward: 96 MiB of logits and their gradient, and dx in f32.
constexpr size_t kForwardBytes = size_t(48) << 20, kBackwardBytes = size_t(96) << 20, kDxBytes = size_t(128) << 20;
constexpr int64_t kForwardRows = 1024, kBackwardRows = 4096;
constexpr int64_t kColumns = 256;  // pieces are multiples of this wide
constexpr size_t kStateBytes = 12;  // what a row of the forward has seen so far

static inline size_t logit_bytes(DType dtype, bool backward) { return backward && dtype == DType::bf16 ? 6 : 4; }

// How a call is cut: `rows` at a time, in pieces of `columns`.
struct Pieces {
    int64_t rows, columns;
};

// The widest pieces of all rows that fit, or fewer rows where not even kColumns fit.
static inline Pieces pieces_of(int64_t rows, int64_t vocab, size_t bytes_a_row, size_t bytes_a_logit, size_t bytes) {
    const int64_t narrow = std::min(kColumns, vocab);
    const size_t least = bytes_a_row + size_t(narrow) * bytes_a_logit;
    if (least * size_t(rows) > bytes) rows = std::max<int64_t>(1, int64_t(bytes / least));
    const int64_t room = int64_t((bytes / size_t(rows) - std::min(bytes / size_t(rows), bytes_a_row)) / bytes_a_logit);
    if (room >= vocab) return {rows, vocab};
    return {rows, room >= kColumns ? room / kColumns * kColumns : std::max<int64_t>(1, room)};
}

// Beside a row's logits: its state, or its dx before that is rounded.
static inline size_t row_bytes(int64_t hidden, DType dtype, bool backward) {
    if (!backward) return kStateBytes;
    return dtype == DType::bf16 ? size_t(hidden) * sizeof(float) : 0;
}

static inline int64_t rows(int64_t rows, int64_t hidden, int64_t, bool backward) {
    if (!backward) return std::min(rows, kForwardRows);
    return std::min({rows, kBackwardRows, std::max<int64_t>(1, int64_t(kDxBytes / (size_t(hidden) * sizeof(float))))});
}

static inline size_t scratch(int64_t rows, int64_t hidden, int64_t vocab, DType dtype, bool backward) {
    const int64_t at_once = cuda_head::rows(rows, hidden, vocab, backward);
    const size_t a_row = row_bytes(hidden, dtype, backward), a_logit = logit_bytes(dtype, backward);
    const Pieces pieces = pieces_of(at_once, vocab, 0, a_logit, backward ? kBackwardBytes : kForwardBytes);
    return size_t(at_once) * (a_row + size_t(pieces.columns) * a_logit);
}

}  // namespace cuda_head
}  // namespace apo
