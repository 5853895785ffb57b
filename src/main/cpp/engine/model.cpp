#include "model.h"

#include <cmath>

namespace apo {

namespace {

int64_t all_projections(const Shape& shape) { return shape.projections_before(shape.final_norm()); }

}  // namespace

DType checked_dtype(int32_t dtype, const char* name) {
    if (dtype != APO_F32 && dtype != APO_BF16) fail(APO_E_ARGUMENT, "%s is %d; expected APO_F32 or APO_BF16", name, dtype);
    return static_cast<DType>(dtype);
}

int64_t model_bytes(const Shape& shape, DType dtype, bool offloaded, Packing packing, bool sharded) {
    const int64_t tables = 2 * int64_t(shape.config.max_positions) * (shape.D / 2) * int64_t(sizeof(float));
    if (sharded && shape.ranks > 1) return ShardedWeights::bytes(shape, dtype) + tables;
    if (packing != Packing::none) return (shape.parameters() - all_projections(shape)) * int64_t(bytes_of(dtype)) + QuantizedWeights::bytes(shape, dtype, packing) + tables;
    const int64_t elsewhere = offloaded ? (shape.L - 2) * shape.layer_elements() : 0;
    return (shape.parameters() - elsewhere) * int64_t(bytes_of(dtype)) + tables;
}

}  // namespace apo

using namespace apo;

apo_model::apo_model(apo_engine& e, const apo_model_config& c, DType d, bool offload, Packing packing, bool shard) : Parameters(e, d), shape(c, e.ranks()) {
    const size_t layer = size_t(shape.layer_elements()) * bytes_of(dtype), all = size_t(shape.parameters()) * bytes_of(dtype);
    if (offload && packing != Packing::none) fail(APO_E_ARGUMENT, "offloaded and quantize are both set; packed weights are small and stay on the device");
    if (shard && (offload || packing != Packing::none)) {
        fail(APO_E_ARGUMENT, "sharded and %s are both set; expected one of the two ways to keep weights", offload ? "offloaded" : "quantize");
    }
    if (shard && engine.ranks() > 1) {
        sharded_ = std::make_unique<ShardedWeights>(engine, shape, dtype);
    } else if (packing != Packing::none) {
        quantized_.emplace(engine, shape, dtype, packing);
        weights = Buffer(engine, all - size_t(all_projections(shape)) * bytes_of(dtype));
        // Where the device's memory is the host's there is nothing to offload.
    } else if (offload && engine.ops.allocate_host != engine.ops.allocate) {
        layers_ = Buffer(engine, size_t(shape.L) * layer, Place::host);
        slots_ = Buffer(engine, 2 * layer);
        weights = Buffer(engine, all - size_t(shape.L) * layer);
    } else {
        weights = Buffer(engine, all);
    }
    const RopeTable table = make_rope_table(c);
    const size_t bytes = table.cos.size() * sizeof(float);
    rope_cos = Buffer(engine, bytes);
    rope_sin = Buffer(engine, bytes);
    engine.ops.copy_to_device(engine.device, rope_cos.data(), table.cos.data(), bytes);
    engine.ops.copy_to_device(engine.device, rope_sin.data(), table.sin.data(), bytes);
    engine.children++;
}

void* apo_model::at(int64_t offset) const {
    if (offset < 0) return nullptr;
    if (sharded_) return sharded_->at(offset);
    if (quantized_) return weights.data() + size_t(offset - shape.projections_before(offset)) * bytes_of(dtype);
    const int64_t first = shape.layer_begin(0), end = shape.layer_begin(shape.L);
    if (!offloaded() || offset < first) return weights.data() + size_t(offset) * bytes_of(dtype);
    if (offset < end) return layers_.data() + size_t(offset - first) * bytes_of(dtype);
    return weights.data() + size_t(offset - (end - first)) * bytes_of(dtype);
}

void apo_model::changed(int64_t, int64_t) {
    if (sharded_) sharded_->changed();
}

void apo_model::write(int32_t index, int64_t offset, int64_t count, const void* source, DType source_dtype) {
    const TensorSpec& spec = tensor(index);
    if (sharded_) {
        check_values(spec, offset, count, source, source_dtype);
        const Part& own = sharded_->parts()[size_t(shape.units().of(spec.offset))];
        const int64_t first = std::max(spec.offset + offset, own.begin), end = std::min(spec.offset + offset + count, own.begin + own.elements);
        sharded_->changed();
        if (first >= end) return;
        const char* from = static_cast<const char*>(source) + size_t(first - spec.offset - offset) * bytes_of(source_dtype);
        return Parameters::write(index, first - spec.offset, end - first, from, source_dtype);
    }
    if (!packed(spec)) return Parameters::write(index, offset, count, source, source_dtype);
    check_values(spec, offset, count, source, source_dtype);
    if (count != spec.count()) {
        fail(APO_E_ARGUMENT, "elements [%lld, %lld) of %s, which is packed as a whole; expected all %lld of them", (long long)offset, (long long)(offset + count),
             spec.name.c_str(), (long long)spec.count());
    }
    quantized_->write(spec.offset, source, source_dtype);
}

void apo_model::write_packed(int32_t index, const apo_packed_matrix& source) {
    const TensorSpec& spec = tensor(index);
    if (!packed(spec)) fail(APO_E_ARGUMENT, "%s is not packed in this model", spec.name.c_str());
    quantized_->write_packed(spec.offset, source, spec.name.c_str());
}

void apo_model::read(int32_t index, int64_t offset, int64_t count, void* target, DType target_dtype) const {
    const TensorSpec& spec = tensor(index);
    if (sharded_) {
        check_range(spec, offset, count);
        const int64_t unit = shape.units().of(spec.offset);
        // Where it stays for the unit's next read: a file is written chunk by chunk.
        const char* values = sharded_->unit(unit) + size_t(spec.offset + offset - shape.units()[unit].begin) * bytes_of(dtype);
        Buffer staging(engine, size_t(count) * bytes_of(target_dtype));
        engine.ops.convert(engine.device, {count, dtype, values, target_dtype, staging.data()});
        return engine.ops.copy_to_host(engine.device, target, staging.data(), size_t(count) * bytes_of(target_dtype));
    }
    if (!packed(spec)) return Parameters::read(index, offset, count, target, target_dtype);
    check_range(spec, offset, count);
    const int64_t first = offset / kNf4Block * kNf4Block, values = offset + count - first;
    Buffer staging(engine, size_t(values) * bytes_of(target_dtype));
    quantized_->read(spec.offset, first, values, target_dtype, staging.data());
    engine.ops.copy_to_host(engine.device, target, staging.data() + size_t(offset - first) * bytes_of(target_dtype), size_t(count) * bytes_of(target_dtype));
}

void apo_model::values(int64_t offset, int64_t count, DType out_dtype, void* out) const {
    if (quantized_ && quantized_->find(offset) != nullptr) return quantized_->read(offset, 0, count, out_dtype, out);
    engine.ops.convert(engine.device, {count, dtype, at(offset), out_dtype, out});
}

void apo_model::initialize(uint64_t seed, double standard_deviation) {
    if (!(standard_deviation >= 0) || !std::isfinite(standard_deviation)) {
        fail(APO_E_ARGUMENT, "standard_deviation is %g; expected a number, 0 or more", standard_deviation);
    }
    for (int32_t index = 0; size_t(index) < tensors().size(); index++) {
        const TensorSpec& spec = tensor(index);
        const float constant = spec.name.find("norm.weight") != std::string::npos ? 1.0f : 0.0f;
        if (spec.rank == 1) {
            fill(index, [=](int64_t) { return constant; });
        } else {
            fill(index, [=](int64_t i) { return normal_of(initial_words(seed, i, index, 0), standard_deviation); });
        }
    }
}

void apo_model::copy_own_parts(const apo_model& source) {
    for (const TensorSpec& spec : tensors()) {
        const TensorSpec* other = source.find(spec.name);
        const Part& own = sharded_->parts()[size_t(shape.units().of(spec.offset))];
        const int64_t first = std::max(spec.offset, own.begin), end = std::min(spec.offset + spec.count(), own.begin + own.elements);
        if (other != nullptr && first < end) source.values(other->offset + first - spec.offset, end - first, dtype, at(first));
    }
    sharded_->changed();
}

void apo_model::copy_from(const apo_model& source) {
    if (&source.engine != &engine) fail(APO_E_ARGUMENT, "the models belong to two engines");
    for (const TensorSpec& spec : tensors()) {
        const TensorSpec* other = source.find(spec.name);
        if (other == nullptr) {
            if (spec.name == "score.weight" || spec.name == "lm_head.weight") continue;
            fail(APO_E_ARGUMENT, "the source model has no %s", spec.name.c_str());
        }
        if (other->shape[0] != spec.shape[0] || other->shape[1] != spec.shape[1]) {
            fail(APO_E_ARGUMENT, "%s is (%lld, %lld) in the source model and (%lld, %lld) here", spec.name.c_str(),
                 (long long)other->shape[0], (long long)other->shape[1], (long long)spec.shape[0], (long long)spec.shape[1]);
        }
    }
    if (source.sharded_ && !sharded_) fail(APO_E_ARGUMENT, "the source's weights are shared out over ranks and the target's are not; a copy gathers nothing");
    if (sharded_) return copy_own_parts(source);
    if (quantized_ && (!source.quantized_ || source.quantized_->packing != quantized_->packing)) {
        fail(APO_E_ARGUMENT, "the target's weights are packed and the source's are not in the same way; a copy packs nothing");
    }
    if (quantized_) quantized_->copy_from(*source.quantized_);
    for (const TensorSpec& spec : tensors()) {
        const TensorSpec* other = source.find(spec.name);
        if (other != nullptr && !packed(spec)) source.values(other->offset, spec.count(), dtype, at(spec.offset));
    }
}
