// A model with the adapter that is on it, or none: what a scorer, a trainer or a generator runs.
#pragma once

#include "adapter.h"

namespace apo {

struct Network {
    // Throws APO_E_ARGUMENT where the adapter is another model's.
    Network(apo_model& m, apo_adapter* a) : model(m), adapter(a) {
        if (adapter != nullptr && &adapter->model != &model) fail(APO_E_ARGUMENT, "the adapter is another model's");
    }

    apo_model& model;
    apo_adapter* adapter;  // null: none

    NetworkShape shape() const { return {model.shape, model.dtype, adapter == nullptr ? nullptr : &adapter->shape}; }
    bool value_head() const { return shape().value_head(); }
    // What is trained, and what its handles are opened on.
    Parameters& top() const { return adapter == nullptr ? static_cast<Parameters&>(model) : *adapter; }
};

}  // namespace apo
