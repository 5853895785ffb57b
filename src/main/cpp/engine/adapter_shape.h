// The shape of a low-rank adapter (LoRA, arXiv 2106.09685): checked, with the tensors it has and where they stand. A projection
// y = W x + b becomes y = W x + b + s B A x, A (r, in), B (out, r).
#pragma once

#include <string>
#include <vector>

#include "shape.h"

namespace apo {

// The products of a layer that have one input each, in the order of a forward: q, k and v; o; gate and up; down.
enum Group : int32_t { kQkv, kOutput, kGateUp, kDown, kGroups };
constexpr int32_t kProjections = 7;  // of apo_projection

// The path beside one projection.
struct LowRank {
    int32_t projection;  // an apo_projection
    int64_t rank;        // 1 or more
    float scale;         // s
    int64_t first, out;  // its columns [first, first + out) of the group's output
    int64_t column;      // its columns [column, column + rank) of t, below
    int64_t b;           // offset of B (out, rank)
};

// The paths beside a group's product: t(T, ranks) = x A^T for all of them, then y of each += s t B^T.
struct LowRankGroup {
    int64_t in, out;    // of the group's product
    int64_t ranks = 0;  // their sum
    int64_t a = -1;     // offset of the A's, one below the other (ranks, in)
    std::vector<LowRank> parts;
};

// A group of a layer, in the order of a forward.
struct LayerPlace {
    int64_t layer;
    int32_t group;
    bool operator<(const LayerPlace& other) const { return layer != other.layer ? layer < other.layer : group < other.group; }
};

class AdapterShape {
public:
    // Throws APO_E_ARGUMENT for a rank, scale or dropout out of range, for another number of layers than the model's, for a head that
    // does not go with the model's, and where nothing would be trained.
    AdapterShape(const Shape& model, const apo_adapter_config& config);

    double dropout;
    uint64_t seed;
    bool value_head() const { return score_ >= 0; }

    const std::vector<TensorSpec>& tensors() const { return tensors_; }
    const Units& units() const { return units_; }  // one, of all
    int64_t elements() const { return units_.elements(); }  // of the buffer, padding included
    const LowRankGroup& group(int64_t layer, Group group) const { return groups_[size_t(layer * kGroups + group)]; }
    int64_t score() const { return score_; }  // offset of the value head, or -1
    int64_t most_ranks(Group group) const;    // of all layers
    int64_t widest_input() const;             // of all groups with a path
    // The first group with a path; layer L where there is none.
    LayerPlace lowest() const;

private:
    int64_t reserve(int64_t count);
    void add_group(const Shape& model, const apo_adapter_config& config, int64_t layer, Group group);

    std::vector<TensorSpec> tensors_;
    std::vector<LowRankGroup> groups_;
    int64_t reserved_ = 0, score_ = -1;
    Units units_;
};

// What a network's memory follows from.
struct NetworkShape {
    const Shape& model;
    DType dtype;
    const AdapterShape* adapter;  // null: none
    bool value_head() const { return adapter == nullptr ? model.value_head() : adapter->value_head(); }
};

}  // namespace apo
