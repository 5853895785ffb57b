// A model's weights on a device.
#pragma once

#include <memory>
#include <optional>

#include "parameters.h"
#include "quantized_weights.h"
#include "rope_table.h"
#include "shape.h"
#include "sharded_weights.h"

// The handle of metaapo.h.
struct apo_model final : apo::Parameters {
    // Throws APO_E_ARGUMENT where the weights are to be more than one of offloaded, packed and shared out over ranks.
    apo_model(apo_engine& engine, const apo_model_config& config, apo::DType dtype, bool offload = false, apo::Packing packing = apo::Packing::none,
              bool shard = false);
    ~apo_model() override { engine.children--; }

    const apo::Shape shape;
    apo::Buffer weights;         // shape.parameters() elements; without the layers' where they are offloaded, their projections' where packed; none where shared out
    apo::Buffer rope_cos, rope_sin;

    const char* kind() const override { return "model"; }
    const std::vector<apo::TensorSpec>& tensors() const override { return shape.tensors(); }
    const apo::Units& units() const override { return shape.units(); }
    bool whole(int32_t index) const override { return packed(tensor(index)); }
    void write(int32_t index, int64_t offset, int64_t count, const void* source, apo::DType source_dtype) override;
    void read(int32_t index, int64_t offset, int64_t count, void* target, apo::DType target_dtype) const override;
    // Of a tensor whose weights are packed; throws APO_E_ARGUMENT for another.
    void write_packed(int32_t index, const apo_packed_matrix& source);
    // A layer's weights of an offloaded model are in host memory; packed ones are nowhere, and those of other ranks not here (APO_E_STATE).
    void* at(int64_t offset) const override;
    void changed(int64_t begin, int64_t count) override;
    // Whether the layers' weights lie in host memory; ops then read them from one of two slots (WeightStream).
    bool offloaded() const { return layers_.data() != nullptr; }
    char* layer_slot(int64_t slot) const { return slots_.data() + size_t(slot * shape.layer_elements()) * apo::bytes_of(dtype); }

    // The projections where they are packed, or null.
    const apo::QuantizedWeights* quantized() const { return quantized_ ? &*quantized_ : nullptr; }
    // The weights where ranks share them out, or null.
    apo::ShardedWeights* sharded() const { return sharded_.get(); }
    bool packed(const apo::TensorSpec& tensor) const { return quantized_ && quantized_->find(tensor.offset) != nullptr; }
    // out = all values of the tensor at this offset of the shape, on the device, whatever they are stored as.
    void values(int64_t offset, int64_t count, apo::DType out_dtype, void* out) const;

    void initialize(uint64_t seed, double standard_deviation);
    void copy_from(const apo_model& source);

private:
    void copy_own_parts(const apo_model& source);

    apo::Buffer layers_, slots_;
    std::optional<apo::QuantizedWeights> quantized_;
    std::unique_ptr<apo::ShardedWeights> sharded_;
};

namespace apo {

DType checked_dtype(int32_t dtype, const char* name);

// Bytes that a model allocates on its device; of an offloaded one, the layers lie elsewhere and two slots for them here. Packed ones are
// not offloaded. sharded: one rank's, of the shape's ranks.
int64_t model_bytes(const Shape& shape, DType dtype, bool offloaded, Packing packing, bool sharded);

}  // namespace apo
