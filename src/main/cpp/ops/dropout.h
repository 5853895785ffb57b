// Dropout (Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014) whose random
// numbers are a function of what they are for: a mask is never kept, the backward and a recomputation make it again, and all
// backends make the same.
#pragma once

#include <cmath>
#include <cstdint>

#include "philox.h"

namespace apo {

// What the masks of one input share.
struct DropoutKey {
    double probability;  // of an element to be dropped, in [0, 1)
    uint64_t seed;
    int64_t step;        // of the optimizer
    int32_t site;        // which input of the model, below 2^29
    int64_t first_row;   // of this call among the step's rows
};

// Words of columns 4 quad .. 4 quad + 3 of a row (counted within the step, below 2^40); an element is kept where its word is the
// threshold or more.
APO_HD inline Philox4 dropout_words(uint64_t seed, int64_t step, int32_t site, int64_t row, int64_t quad) {
    return random_words(seed, Stream::dropout, uint64_t(row) << 24 ^ uint64_t(quad), uint32_t(step), uint32_t(site));
}

inline uint32_t dropout_threshold(double probability) {
    const double words = probability * 4294967296.0;
    return words < 4294967295.0 ? uint32_t(std::llround(words)) : 0xffffffffu;
}

inline float dropout_factor(double probability) { return float(1 / (1 - probability)); }

}  // namespace apo
