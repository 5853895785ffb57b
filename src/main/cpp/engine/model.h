// Weights on a device.
#pragma once

#include "engine.h"
#include "rope_table.h"
#include "shape.h"

// The handle of metaapo.h.
struct apo_model {
    apo_model(apo_engine& engine, const apo_model_config& config, apo::DType dtype, bool offload = false);
    ~apo_model() { engine.children--; }
    apo_model(const apo_model&) = delete;

    apo_engine& engine;
    const apo::Shape shape;
    const apo::DType dtype;
    apo::Buffer weights;         // shape.parameters() elements; without the layers' where they are offloaded
    apo::Buffer rope_cos, rope_sin;
    int children = 0;
    bool has_trainer = false;

    // The weight at an offset of the shape, or null for -1. A layer's of an offloaded model is in host memory.
    void* at(int64_t offset) const;
    // Whether the layers' weights lie in host memory; ops then read them from one of two slots (LayerStream).
    bool offloaded() const { return layers_.data() != nullptr; }
    char* layer_slot(int64_t slot) const { return slots_.data() + size_t(slot * shape.layer_elements()) * apo::bytes_of(dtype); }

    const apo::TensorSpec& tensor(int32_t index) const;  // checks the index
    void write(int32_t index, int64_t offset, int64_t count, const void* source, apo::DType source_dtype);
    void read(int32_t index, int64_t offset, int64_t count, void* target, apo::DType target_dtype) const;
    void initialize(uint64_t seed, double standard_deviation);
    void copy_from(const apo_model& source);

private:
    apo::Buffer layers_, slots_;
};

namespace apo {

DType checked_dtype(int32_t dtype, const char* name);

// Checks that [offset, offset + count) lies in the tensor.
void check_range(const TensorSpec& tensor, int64_t offset, int64_t count);

// Bytes that a model allocates on its device; of an offloaded one, the layers lie elsewhere and two slots for them here.
int64_t model_bytes(const Shape& shape, DType dtype, bool offloaded = false);

}  // namespace apo
