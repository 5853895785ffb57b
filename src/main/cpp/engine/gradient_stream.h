// Where the gradients of a model's weights go while a backward runs: all into one buffer, or, where ranks share them out, unit by unit
// into a slot that is summed over the ranks, each of which keeps its part, as soon as the backward is done with the unit. Model code
// asks here and does not know which.
#pragma once

#include "engine.h"
#include "shape.h"

namespace apo {

class GradientStream {
public:
    // Slots that a backward works in: two for the layers in turn, one for the embedding and one for the last unit.
    static int64_t slot_elements(const Shape& shape) {
        const Units& units = shape.units();
        return 2 * units[shape.layer_unit(0)].elements + units[shape.embedding_unit()].elements + units[shape.last_unit()].elements;
    }

    // All in `all`, in the model's layout.
    GradientStream(apo_engine& engine, const Shape& shape, float* all) : GradientStream(engine, shape) {
        for (int64_t u = 0; u < units_.count(); u++) places_[size_t(u)] = all + units_[u].begin;
    }
    // Summed into this rank's parts, one behind the other at `parts`; `slots` holds slot_elements(shape).
    GradientStream(apo_engine& engine, const Shape& shape, float* parts, float* slots) : GradientStream(engine, shape) {
        parts_ = parts;
        const int64_t layer = units_[shape.layer_unit(0)].elements;
        for (int64_t l = 0; l < shape.L; l++) places_[size_t(shape.layer_unit(l))] = slots + l % 2 * layer;
        places_[size_t(shape.embedding_unit())] = slots + 2 * layer;
        places_[size_t(shape.last_unit())] = slots + 2 * layer + units_[shape.embedding_unit()].elements;
    }

    float* at(int64_t offset) const {
        const int64_t unit = units_.of(offset);
        return places_[size_t(unit)] + (offset - units_[unit].begin);
    }
    void begin(int64_t unit) {
        if (parts_ == nullptr) return;
        // What stood in the slot before may be on its way still: of layers the one before the last.
        const bool layer = unit != 0 && unit != units_.count() - 1;
        engine_.ops.await_lane(engine_.device, {Lane::gradients, layer ? 1 : 0});
        engine_.ops.fill_zero(engine_.device, places_[size_t(unit)], size_t(units_[unit].elements) * sizeof(float));
    }
    void done(int64_t unit) {
        if (parts_ == nullptr) return;
        const int64_t ranks = engine_.ranks();
        engine_.ops.reduce_scatter(engine_.device, {places_[size_t(unit)], units_[unit].elements / ranks, parts_ + units_[unit].begin / ranks, true});
    }

private:
    GradientStream(apo_engine& engine, const Shape& shape) : engine_(engine), units_(shape.units()), places_(size_t(units_.count())) {}

    apo_engine& engine_;
    const Units& units_;
    std::vector<float*> places_;
    float* parts_ = nullptr;
};

}  // namespace apo
