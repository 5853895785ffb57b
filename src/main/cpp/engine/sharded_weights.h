// A model's weights in equal parts over the ranks (ZeRO's third stage, arXiv 1910.02054). A unit is brought together in a slot when a
// forward or a backward comes to it.
#pragma once

#include "engine.h"
#include "shape.h"

namespace apo {

class ShardedWeights {
public:
    ShardedWeights(apo_engine& engine, const Shape& shape, DType dtype);

    // Bytes that it allocates.
    static int64_t bytes(const Shape& shape, DType dtype);

    // This rank's part of each unit, one behind the other.
    const std::vector<Part>& parts() const { return parts_; }
    // Where an element of this rank's lies; throws APO_E_STATE for one of another's.
    char* at(int64_t offset) const;

    // Collective: begins to bring a unit together, beside the ops to come. Nothing where its slot has it.
    void fetch(int64_t unit);
    // Collective: a unit's elements, for the ops to come, until another is fetched to its slot: layers take turns in two slots, and the last
    // unit takes the embedding's place unless that is the head.
    const char* unit(int64_t unit);
    // To be called when weights of any rank have been written.
    void changed() { held_.assign(held_.size(), -1); }

private:
    static std::vector<int64_t> slot_elements(const Shape& shape);
    size_t slot_of(int64_t unit) const;
    char* place(int64_t unit) const;

    apo_engine& engine_;
    const Shape& shape_;
    const DType dtype_;
    const std::vector<Part> parts_;
    Buffer own_;
    std::vector<Buffer> slots_;
    std::vector<int64_t> held_;  // the unit in each slot, or -1
};

}  // namespace apo
