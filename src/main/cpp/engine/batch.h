// A packed batch, checked, with the index arrays that the transformer and its heads need.
#pragma once

#include <vector>

#include "ops.h"
#include "shape.h"

namespace apo {

struct Batch {
    std::vector<int32_t> ids;         // (T)
    std::vector<int32_t> positions;   // (T)
    std::vector<Segment> segments;    // prompt, answers, prompt, answers, ...
    std::vector<int32_t> rows;        // (R) the token whose hidden state predicts answer token r
    std::vector<int32_t> targets;     // (R) answer tokens
    std::vector<int32_t> answer_begin;  // (N + 1) rows of each answer
    std::vector<int32_t> answer_ends;   // (N) the last token of prompt and answer that is not padding, or their first
    std::vector<int32_t> pack_answers;  // (P + 1) answers of each pack
    std::vector<int32_t> pack_tokens;   // (P + 1) tokens of each pack

    int64_t tokens() const { return int64_t(ids.size()); }
    int64_t answers() const { return int64_t(answer_ends.size()); }
    int64_t packs() const { return int64_t(pack_tokens.size()) - 1; }

    // Packs [first, last) as a batch of their own.
    Batch slice(int64_t first, int64_t last) const;

    // The first pack after `first` that does not fit into max_tokens with those before it. Each pack fits by itself.
    int64_t fitting(int64_t first, int64_t max_tokens) const;
};

// Throws APO_E_ARGUMENT for null, lengths, ids out of the vocabulary, sequences longer than the model's positions, and packs
// of more than max_tokens.
Batch make_batch(const apo_batch& batch, const Shape& shape, int64_t max_tokens);

}  // namespace apo
