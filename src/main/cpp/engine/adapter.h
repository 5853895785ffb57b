// A low-rank adapter's weights beside a model, in f32, and a value head where it has one of its own.
#pragma once

#include "adapter_shape.h"
#include "model.h"

// The handle of metaapo.h.
struct apo_adapter final : apo::Parameters {
    apo_adapter(apo_model& model, const apo_adapter_config& config);

    apo_model& model;
    const apo::AdapterShape shape;

    const char* kind() const override { return "adapter"; }
    const std::vector<apo::TensorSpec>& tensors() const override { return shape.tensors(); }
    const apo::Units& units() const override { return shape.units(); }
    void* at(int64_t offset) const override { return weights_.data() + size_t(offset) * sizeof(float); }
    void changed(int64_t begin, int64_t count) override;
    // The weight at an offset as products with the model's activations read it: of the model's dtype.
    const void* operand(int64_t offset) const;

    void initialize(uint64_t seed, int32_t kind);
    void copy_from(const apo_adapter& source);

private:
    apo::Opened opened_;
    apo::Buffer weights_;
    apo::Buffer rounded_;  // the weights in the model's dtype, where that is not f32
};

namespace apo {

// Bytes that an adapter allocates beside a model of this dtype.
int64_t adapter_bytes(const AdapterShape& shape, DType dtype);

}  // namespace apo
