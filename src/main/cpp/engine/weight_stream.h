// A model's weights in the order in which a forward or a backward needs them: the embedding, the layers, and the final norm with the
// head. Model code asks here and does not know where weights lie, or whether they are packed (QuantizedWeights). Those of an offloaded model's layers come from host memory, a layer
// ahead: while one layer runs, the next is copied to the other of the model's two slots; those that ranks share out come from all of them
// in the same way (ShardedWeights), so that every rank then has to run as many streams, over the same layers.
#pragma once

#include "model.h"

namespace apo {

// One layer's weights.
class LayerWeights {
public:
    // `begin` is where the layer's weights lie, or null for where the model has them.
    LayerWeights(const apo_model& model, int64_t layer, const char* begin)
        : model_(model), first_(model.shape.layer_begin(layer)), begin_(begin) {}

    // A norm's weight or a bias, at its offset in the model's shape.
    const void* vector(int64_t offset) const { return begin_ == nullptr ? model_.at(offset) : begin_ + size_t(offset - first_) * bytes_of(model_.dtype); }

    // Runs g with the matrix at this offset of the model's shape for its second operand; g says all else but its type.
    void multiply(Gemm g, int64_t offset) const {
        if (model_.quantized() != nullptr) return model_.quantized()->multiply(g, offset);
        g.b_type = model_.dtype;
        g.b = vector(offset);
        model_.engine.ops.gemm(model_.engine.device, g);
    }

private:
    const apo_model& model_;
    int64_t first_;
    const char* begin_;
};

class WeightStream {
public:
    // For layers `first` to `last`, both included: up for a forward, down for a backward.
    WeightStream(const apo_model& model, int64_t first, int64_t last) : model_(model), next_(first), last_(last), step_(first <= last ? 1 : -1) {}
    // For a whole forward.
    explicit WeightStream(const apo_model& model) : WeightStream(model, 0, model.shape.L - 1) {}

    const void* embedding() const { return at(model_.shape.embedding()); }
    const void* final_norm() const { return at(model_.shape.final_norm()); }
    const void* head() const { return at(model_.shape.head()); }

    // The next layer's weights for the ops to come, until the next call but one.
    LayerWeights layer() {
        const int64_t layer = next_;
        next_ += step_;
        if (model_.sharded() != nullptr) {
            const char* weights = model_.sharded()->unit(model_.shape.layer_unit(layer));
            if (layer != last_) model_.sharded()->fetch(model_.shape.layer_unit(next_));
            return {model_, layer, weights};
        }
        if (!model_.offloaded()) return {model_, layer, nullptr};
        if (!fetched_) fetch(layer);
        fetched_ = true;
        model_.engine.ops.await_copies(model_.engine.device);
        if (layer != last_) fetch(next_);
        return {model_, layer, model_.layer_slot(layer % 2)};
    }

    // What a rank without rows does while others run a forward: it asks for all that they ask for.
    void idle_forward() {
        if (model_.sharded() == nullptr) return;
        embedding();
        for (int64_t l = 0; l < model_.shape.L; l++) layer();
        final_norm();
        head();
    }

private:
    // An element of the embedding or of the last unit.
    const void* at(int64_t offset) const {
        if (model_.sharded() == nullptr) return model_.at(offset);
        const int64_t unit = model_.shape.units().of(offset);
        return model_.sharded()->unit(unit) + size_t(offset - model_.shape.units()[unit].begin) * bytes_of(model_.dtype);
    }

    void fetch(int64_t layer) {
        model_.engine.ops.copy_ahead(model_.engine.device, model_.layer_slot(layer % 2), model_.at(model_.shape.layer_begin(layer)),
                                     size_t(model_.shape.layer_elements()) * bytes_of(model_.dtype));
    }

    const apo_model& model_;
    int64_t next_, last_, step_;
    bool fetched_ = false;
};

}  // namespace apo
