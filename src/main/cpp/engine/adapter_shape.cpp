#include "adapter_shape.h"

#include <algorithm>
#include <cmath>

namespace apo {

namespace {

struct Projection {
    const char* name;
    Group group;
    int64_t first, out;
};

// By apo_projection.
std::vector<Projection> projections_of(const Shape& s) {
    return {{"self_attn.q_proj", kQkv, 0, s.H * s.D},
            {"self_attn.k_proj", kQkv, s.H * s.D, s.G * s.D},
            {"self_attn.v_proj", kQkv, (s.H + s.G) * s.D, s.G * s.D},
            {"self_attn.o_proj", kOutput, 0, s.C},
            {"mlp.gate_proj", kGateUp, 0, s.F},
            {"mlp.up_proj", kGateUp, s.F, s.F},
            {"mlp.down_proj", kDown, 0, s.C}};
}

LowRankGroup empty_group(const Shape& s, Group group) {
    LowRankGroup g{};
    switch (group) {
        case kQkv: g.in = s.C, g.out = s.qkv_width; break;
        case kOutput: g.in = s.output_width, g.out = s.C; break;
        case kGateUp: g.in = s.C, g.out = 2 * s.F; break;
        default: g.in = s.F, g.out = s.C;
    }
    g.a = -1;
    return g;
}

void check(const Shape& model, const apo_adapter_config& c) {
    if (c.head != APO_HEAD_LM && c.head != APO_HEAD_VALUE) fail(APO_E_ARGUMENT, "the adapter's head is %d; expected APO_HEAD_LM or APO_HEAD_VALUE", c.head);
    if (c.head == APO_HEAD_LM && model.value_head()) {
        fail(APO_E_ARGUMENT, "the adapter has the model's LM head, and the model has a value head; give the adapter a value head of its own");
    }
    if (c.layers != model.L) fail(APO_E_ARGUMENT, "the adapter is for %d layers; the model has %lld", c.layers, (long long)model.L);
    if (c.ranks == nullptr || c.scales == nullptr) fail(APO_E_ARGUMENT, "the adapter's %s are null", c.ranks == nullptr ? "ranks" : "scales");
    if (!(c.dropout >= 0 && c.dropout < 1)) fail(APO_E_ARGUMENT, "the adapter's dropout is %g; expected 0 or more and less than 1", c.dropout);
}

}  // namespace

AdapterShape::AdapterShape(const Shape& model, const apo_adapter_config& config) : dropout(config.dropout), seed(config.seed) {
    check(model, config);
    for (int64_t l = 0; l < model.L; l++) {
        for (int32_t g = 0; g < kGroups; g++) add_group(model, config, l, static_cast<Group>(g));
    }
    if (config.head == APO_HEAD_VALUE) {
        score_ = reserve(model.C);
        tensors_.push_back({"score.weight", 2, {1, model.C}, score_});
    }
    if (tensors_.empty()) fail(APO_E_ARGUMENT, "the adapter has no weight to train: all its ranks are 0");
    units_.add(reserved_, model.ranks);
}

int64_t AdapterShape::reserve(int64_t count) {
    const int64_t offset = reserved_;
    reserved_ += padded(count);
    return offset;
}

void AdapterShape::add_group(const Shape& model, const apo_adapter_config& config, int64_t layer, Group which) {
    const std::vector<Projection> projections = projections_of(model);
    LowRankGroup group = empty_group(model, which);
    auto name_of = [&](int32_t p) { return "model.layers." + std::to_string(layer) + "." + projections[size_t(p)].name; };
    for (int32_t p = 0; p < kProjections; p++) {
        const Projection& projection = projections[size_t(p)];
        const int64_t rank = config.ranks[layer * kProjections + p];
        if (projection.group != which || rank == 0) continue;
        const int64_t most = std::min(group.in, projection.out);
        if (rank < 0 || rank > most) {
            fail(APO_E_ARGUMENT, "the adapter's rank at %s is %lld; expected 0 to %lld, the least side of its matrix", name_of(p).c_str(), (long long)rank,
                 (long long)most);
        }
        const double scale = config.scales[layer * kProjections + p];
        if (!std::isfinite(scale) || scale == 0) fail(APO_E_ARGUMENT, "the adapter's scale at %s is %g; expected a number other than 0", name_of(p).c_str(), scale);
        group.parts.push_back({p, rank, float(scale), projection.first, projection.out, group.ranks, 0});
        group.ranks += rank;
    }
    if (group.ranks > 0) group.a = reserve(group.ranks * group.in);
    for (LowRank& part : group.parts) {
        part.b = reserve(part.out * part.rank);
        const std::string name = name_of(part.projection);
        tensors_.push_back({name + ".lora_A.weight", 2, {part.rank, group.in}, group.a + part.column * group.in});
        tensors_.push_back({name + ".lora_B.weight", 2, {part.out, part.rank}, part.b});
    }
    groups_.push_back(group);
}

int64_t AdapterShape::most_ranks(Group which) const {
    int64_t most = 0;
    for (size_t i = size_t(which); i < groups_.size(); i += kGroups) most = std::max(most, groups_[i].ranks);
    return most;
}

int64_t AdapterShape::widest_input() const {
    int64_t widest = 0;
    for (const LowRankGroup& group : groups_) widest = std::max(widest, group.ranks > 0 ? group.in : 0);
    return widest;
}

LayerPlace AdapterShape::lowest() const {
    const auto first = std::find_if(groups_.begin(), groups_.end(), [](const LowRankGroup& g) { return g.ranks > 0; });
    const int64_t index = first - groups_.begin();
    return {index / kGroups, int32_t(index % kGroups)};
}

}  // namespace apo
