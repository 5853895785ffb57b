// Weights on a device.
#pragma once

#include "engine.h"
#include "rope_table.h"
#include "shape.h"

// The handle of metaapo.h.
struct apo_model {
    apo_model(apo_engine& engine, const apo_model_config& config, apo::DType dtype);
    ~apo_model() { engine.children--; }
    apo_model(const apo_model&) = delete;

    apo_engine& engine;
    const apo::Shape shape;
    const apo::DType dtype;
    apo::Buffer weights;         // shape.parameters() elements
    apo::Buffer rope_cos, rope_sin;
    int children = 0;
    bool has_trainer = false;

    // The weight at an offset of the shape, or null for -1.
    void* at(int64_t offset) const;

    const apo::TensorSpec& tensor(int32_t index) const;  // checks the index
    void write(int32_t index, int64_t offset, int64_t count, const void* source, apo::DType source_dtype);
    void read(int32_t index, int64_t offset, int64_t count, void* target, apo::DType target_dtype) const;
    void initialize(uint64_t seed, double standard_deviation);
    void copy_from(const apo_model& source);
};

namespace apo {

DType checked_dtype(int32_t dtype, const char* name);

// Checks that [offset, offset + count) lies in the tensor.
void check_range(const TensorSpec& tensor, int64_t offset, int64_t count);

// Bytes that a model allocates.
int64_t model_bytes(const Shape& shape, DType dtype);

}  // namespace apo
