// The units in which ranks share out weights, gradients and optimizer state: what a forward or a backward needs at a time. Of each
// unit every rank owns an equal part.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "adamw8.h"

namespace apo {

// Elements of the owner's buffer, padding included: a multiple of ranks * kPartBlock where there are several ranks, so that parts are
// equal and hold whole blocks of 8-bit moments.
constexpr int64_t kPartBlock = kAdamw8Block;

struct Unit {
    int64_t begin, elements;
    int64_t number;  // of its first element where units are padded to kPartBlock alone: the same for every number of ranks but one
};

// A range of a buffer that one rank keeps state of.
struct Part {
    int64_t begin, elements;
    int64_t local;   // where its state begins among that of all the rank's parts
    int64_t number;  // of its first element, as Unit's
};

class Units {
public:
    // Ends a unit where `end` is the first element behind it; returns where the next begins.
    int64_t add(int64_t end, int32_t ranks) {
        const int64_t begin = units_.empty() ? 0 : units_.back().begin + units_.back().elements;
        const int64_t number = units_.empty() ? 0 : units_.back().number + blocks(units_.back().used);
        const int64_t grain = ranks == 1 ? 1 : ranks * kPartBlock;
        units_.push_back({{begin, (end - begin + grain - 1) / grain * grain, number}, end - begin});
        return begin + units_.back().elements;
    }

    int64_t count() const { return int64_t(units_.size()); }
    const Unit& operator[](int64_t unit) const { return units_[size_t(unit)]; }
    int64_t elements() const { return units_.back().begin + units_.back().elements; }
    // Without the padding for ranks.
    int64_t used(int64_t unit) const { return units_[size_t(unit)].used; }
    // The unit that an element of the buffer is of.
    int64_t of(int64_t offset) const {
        const auto after = std::upper_bound(units_.begin(), units_.end(), offset, [](int64_t at, const Unit& u) { return at < u.begin; });
        return after - units_.begin() - 1;
    }

    // What a rank owns, in order; `whole` says that it keeps all of each unit. One rank owns one range.
    std::vector<Part> parts(int32_t ranks, int32_t rank, bool whole) const {
        if (ranks == 1) return {{0, elements(), 0, 0}};
        std::vector<Part> parts;
        int64_t local = 0;
        for (const Unit& u : units_) {
            const int64_t size = whole ? u.elements : u.elements / ranks, first = whole ? 0 : rank * size;
            parts.push_back({u.begin + first, size, local, u.number + first});
            local += size;
        }
        return parts;
    }

private:
    struct Used : Unit {
        int64_t used;  // without the padding for ranks
    };
    static int64_t blocks(int64_t elements) { return (elements + kPartBlock - 1) / kPartBlock * kPartBlock; }

    std::vector<Used> units_;
};

}  // namespace apo
