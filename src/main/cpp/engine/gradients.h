// Where the gradients of weights go, or that they go nowhere: what is not trained has none, and what stands below the lowest trained
// weight is not differentiated at all.
#pragma once

#include "adapter_shape.h"
#include "gradient_stream.h"

namespace apo {

class Gradients {
public:
    // For all of a model's weights.
    explicit Gradients(GradientStream& model) : model_(&model) {}
    // For an adapter's alone, in its layout.
    Gradients(float* adapter, const AdapterShape& shape) : adapter_(adapter), shape_(&shape), lowest_(shape.lowest()) {}

    // Of a model's weight at its offset, whose unit is begun; null where it is frozen.
    float* of(int64_t offset) const { return model_ == nullptr ? nullptr : model_->at(offset); }
    // Of an adapter's weight at its offset; there is one where an adapter is trained.
    float* of_adapter(int64_t offset) const { return adapter_ + offset; }
    // Of the value head.
    float* of_score(const Shape& model) const { return model_ != nullptr ? of(model.head()) : of_adapter(shape_->score()); }
    // A backward says when it comes to the first gradient of one of the model's units, and when it has the last.
    void begin(int64_t unit) const {
        if (model_ != nullptr) model_->begin(unit);
    }
    void done(int64_t unit) const {
        if (model_ != nullptr) model_->done(unit);
    }

    // Whether a weight of this group is trained: then its input is needed.
    bool trains(LayerPlace place) const { return model_ != nullptr || shape_->group(place.layer, static_cast<Group>(place.group)).ranks > 0; }
    // Whether anything before this group is trained: then the gradient of its input is needed.
    bool reaches_below(LayerPlace place) const { return lowest_ < place; }
    // The lowest layer that is differentiated; the number of layers where none is.
    int64_t lowest_layer() const { return lowest_.layer < 0 ? 0 : lowest_.layer; }

private:
    GradientStream* model_ = nullptr;
    float* adapter_ = nullptr;
    const AdapterShape* shape_ = nullptr;
    LayerPlace lowest_{-1, 0};  // of a model: its embedding
};

}  // namespace apo
