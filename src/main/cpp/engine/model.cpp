#include "model.h"

#include <cmath>

namespace apo {

DType checked_dtype(int32_t dtype, const char* name) {
    if (dtype != APO_F32 && dtype != APO_BF16) fail(APO_E_ARGUMENT, "%s is %d; expected APO_F32 or APO_BF16", name, dtype);
    return static_cast<DType>(dtype);
}

int64_t model_bytes(const Shape& shape, DType dtype, bool offloaded) {
    const int64_t table = int64_t(shape.config.max_positions) * (shape.D / 2) * int64_t(sizeof(float));
    const int64_t elsewhere = offloaded ? (shape.L - 2) * shape.layer_elements() : 0;
    return (shape.parameters() - elsewhere) * int64_t(bytes_of(dtype)) + 2 * table;
}

}  // namespace apo

using namespace apo;

apo_model::apo_model(apo_engine& e, const apo_model_config& c, DType d, bool offload) : Parameters(e, d), shape(c) {
    const size_t layer = size_t(shape.layer_elements()) * bytes_of(dtype), all = size_t(shape.parameters()) * bytes_of(dtype);
    // Where the device's memory is the host's there is nothing to offload.
    if (offload && engine.ops.allocate_host != engine.ops.allocate) {
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
    const int64_t first = shape.layer_begin(0), end = shape.layer_begin(shape.L);
    if (!offloaded() || offset < first) return weights.data() + size_t(offset) * bytes_of(dtype);
    if (offset < end) return layers_.data() + size_t(offset - first) * bytes_of(dtype);
    return weights.data() + size_t(offset - (end - first)) * bytes_of(dtype);
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
    for (const TensorSpec& spec : tensors()) {
        const TensorSpec* other = source.find(spec.name);
        if (other == nullptr) continue;
        engine.ops.convert(engine.device, {spec.count(), source.dtype, source.at(other->offset), dtype, at(spec.offset)});
    }
}
