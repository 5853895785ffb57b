// A model's weights on a device.
#pragma once

#include "parameters.h"
#include "rope_table.h"
#include "shape.h"

// The handle of metaapo.h.
struct apo_model final : apo::Parameters {
    apo_model(apo_engine& engine, const apo_model_config& config, apo::DType dtype, bool offload = false);
    ~apo_model() override { engine.children--; }

    const apo::Shape shape;
    apo::Buffer weights;         // shape.parameters() elements; without the layers' where they are offloaded
    apo::Buffer rope_cos, rope_sin;

    const char* kind() const override { return "model"; }
    const std::vector<apo::TensorSpec>& tensors() const override { return shape.tensors(); }
    int64_t elements() const override { return shape.parameters(); }
    // A layer's weights of an offloaded model are in host memory.
    void* at(int64_t offset) const override;
    // Whether the layers' weights lie in host memory; ops then read them from one of two slots (WeightStream).
    bool offloaded() const { return layers_.data() != nullptr; }
    char* layer_slot(int64_t slot) const { return slots_.data() + size_t(slot * shape.layer_elements()) * apo::bytes_of(dtype); }

    void initialize(uint64_t seed, double standard_deviation);
    void copy_from(const apo_model& source);

private:
    apo::Buffer layers_, slots_;
};

namespace apo {

DType checked_dtype(int32_t dtype, const char* name);

// Bytes that a model allocates on its device; of an offloaded one, the layers lie elsewhere and two slots for them here.
int64_t model_bytes(const Shape& shape, DType dtype, bool offloaded = false);

}  // namespace apo
