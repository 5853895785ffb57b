// The layers' weights in the order of a forward. Those of an offloaded model come from host memory, a layer ahead: while one
// layer runs, the next is copied to the other of the model's two slots.
#pragma once

#include "model.h"

namespace apo {

class LayerStream {
public:
    explicit LayerStream(const apo_model& model) : model_(model) {
        if (model.offloaded()) fetch(0);
    }

    // Where the layer's weights lie for the ops to come, until the next call but one. Layers are asked for from 0 on, each once.
    const char* next(int64_t layer) {
        if (!model_.offloaded()) return static_cast<const char*>(model_.at(model_.shape.layer_begin(layer)));
        model_.engine.ops.await_copies(model_.engine.device);
        if (layer + 1 < model_.shape.L) fetch(layer + 1);
        return model_.layer_slot(layer % 2);
    }

private:
    void fetch(int64_t layer) {
        model_.engine.ops.copy_ahead(model_.engine.device, model_.layer_slot(layer % 2), model_.at(model_.shape.layer_begin(layer)),
                                     size_t(model_.shape.layer_elements()) * bytes_of(model_.dtype));
    }

    const apo_model& model_;
};

}  // namespace apo
