#include "model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "philox.h"
#include "split_f32.h"

namespace apo {

DType checked_dtype(int32_t dtype, const char* name) {
    if (dtype != APO_F32 && dtype != APO_BF16) fail(APO_E_ARGUMENT, "%s is %d; expected APO_F32 or APO_BF16", name, dtype);
    return static_cast<DType>(dtype);
}

void check_range(const TensorSpec& tensor, int64_t offset, int64_t count) {
    if (offset < 0 || count < 0 || offset > tensor.count() - count) {
        fail(APO_E_ARGUMENT, "elements [%lld, %lld) of %s; it has %lld", (long long)offset, (long long)(offset + count),
             tensor.name.c_str(), (long long)tensor.count());
    }
}

int64_t model_bytes(const Shape& shape, DType dtype, bool offloaded) {
    const int64_t table = int64_t(shape.config.max_positions) * (shape.D / 2) * int64_t(sizeof(float));
    const int64_t elsewhere = offloaded ? (shape.L - 2) * shape.layer_elements() : 0;
    return (shape.parameters() - elsewhere) * int64_t(bytes_of(dtype)) + 2 * table;
}

namespace {

// The first element that is not finite, or -1. Looks at the exponent bits, which hold for both types.
int64_t first_not_finite(const void* source, int64_t count, DType dtype) {
    if (dtype == DType::f32) {
        const auto* x = static_cast<const uint32_t*>(source);
        for (int64_t i = 0; i < count; i++) {
            if ((x[i] & 0x7f800000u) == 0x7f800000u) return i;
        }
    } else {
        const auto* x = static_cast<const uint16_t*>(source);
        for (int64_t i = 0; i < count; i++) {
            if ((x[i] & 0x7f80u) == 0x7f80u) return i;
        }
    }
    return -1;
}

}  // namespace
}  // namespace apo

using namespace apo;

apo_model::apo_model(apo_engine& e, const apo_model_config& c, DType d, bool offload) : engine(e), shape(c), dtype(d) {
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

const TensorSpec& apo_model::tensor(int32_t index) const {
    if (index < 0 || size_t(index) >= shape.tensors().size()) {
        fail(APO_E_ARGUMENT, "tensor %d does not exist; the model has %zu", index, shape.tensors().size());
    }
    return shape.tensors()[size_t(index)];
}

void apo_model::write(int32_t index, int64_t offset, int64_t count, const void* source, DType source_dtype) {
    const TensorSpec& spec = tensor(index);
    check_range(spec, offset, count);
    const int64_t bad = first_not_finite(source, count, source_dtype);
    if (bad >= 0) {
        fail(APO_E_NUMERIC, "%s: element %lld is NaN or infinite", spec.name.c_str(), (long long)(offset + bad));
    }
    void* target = at(spec.offset + offset);
    if (source_dtype == dtype) {
        engine.ops.copy_to_device(engine.device, target, source, size_t(count) * bytes_of(dtype));
        return;
    }
    if (dtype == DType::bf16) {
        std::vector<uint16_t> upper(static_cast<size_t>(count));
        const auto* values = static_cast<const float*>(source);
        for (size_t i = 0; i < size_t(count); i++) upper[i] = split_f32(values[i]).upper;
        engine.ops.copy_to_device(engine.device, target, upper.data(), upper.size() * sizeof(uint16_t));
        return;
    }
    Buffer staging(engine, size_t(count) * bytes_of(source_dtype));
    engine.ops.copy_to_device(engine.device, staging.data(), source, size_t(count) * bytes_of(source_dtype));
    engine.ops.convert(engine.device, {count, source_dtype, staging.data(), dtype, target});
}

void apo_model::read(int32_t index, int64_t offset, int64_t count, void* target, DType target_dtype) const {
    const TensorSpec& spec = tensor(index);
    check_range(spec, offset, count);
    const void* source = at(spec.offset + offset);
    if (target_dtype == dtype) {
        engine.ops.copy_to_host(engine.device, target, source, size_t(count) * bytes_of(dtype));
        return;
    }
    Buffer staging(engine, size_t(count) * bytes_of(target_dtype));
    engine.ops.convert(engine.device, {count, dtype, source, target_dtype, staging.data()});
    engine.ops.copy_to_host(engine.device, target, staging.data(), size_t(count) * bytes_of(target_dtype));
}

void apo_model::initialize(uint64_t seed, double standard_deviation) {
    if (!(standard_deviation >= 0) || !std::isfinite(standard_deviation)) {
        fail(APO_E_ARGUMENT, "standard_deviation is %g; expected a number, 0 or more", standard_deviation);
    }
    constexpr int64_t kChunk = 1 << 20;
    const double two_pi = 2 * std::acos(-1.0);
    std::vector<float> values(kChunk);
    for (int32_t index = 0; size_t(index) < shape.tensors().size(); index++) {
        const TensorSpec& spec = tensor(index);
        const bool is_norm = spec.name.find("norm.weight") != std::string::npos;
        for (int64_t begin = 0; begin < spec.count(); begin += kChunk) {
            const int64_t count = std::min(kChunk, spec.count() - begin);
            // Each number has its own counter: the threads change nothing in it.
#pragma omp parallel for schedule(static)
            for (int64_t i = 0; i < count; i++) {
                if (spec.rank == 1) {
                    values[size_t(i)] = is_norm ? 1.0f : 0.0f;
                    continue;
                }
                // Box-Muller
                const Philox4 words = random_words(seed, Stream::initialize, uint64_t(begin + i), uint32_t(index), 0);
                const double radius = std::sqrt(-2 * std::log(uniform(words.word[0], words.word[1])));
                values[size_t(i)] = float(standard_deviation * radius * std::cos(two_pi * uniform(words.word[2], words.word[3])));
            }
            write(index, begin, count, values.data(), DType::f32);
        }
    }
}

void apo_model::copy_from(const apo_model& source) {
    if (&source.engine != &engine) fail(APO_E_ARGUMENT, "the models belong to two engines");
    for (const TensorSpec& spec : shape.tensors()) {
        const auto& others = source.shape.tensors();
        const auto other = std::find_if(others.begin(), others.end(), [&](const TensorSpec& t) { return t.name == spec.name; });
        if (other == others.end()) {
            if (spec.name == "score.weight" || spec.name == "lm_head.weight") continue;
            fail(APO_E_ARGUMENT, "the source model has no %s", spec.name.c_str());
        }
        if (other->shape[0] != spec.shape[0] || other->shape[1] != spec.shape[1]) {
            fail(APO_E_ARGUMENT, "%s is (%lld, %lld) in the source model and (%lld, %lld) here", spec.name.c_str(),
                 (long long)other->shape[0], (long long)other->shape[1], (long long)spec.shape[0], (long long)spec.shape[1]);
        }
    }
    for (const TensorSpec& spec : shape.tensors()) {
        for (const TensorSpec& other : source.shape.tensors()) {
            if (other.name == spec.name) {
                engine.ops.convert(engine.device, {spec.count(), source.dtype, source.at(other.offset), dtype, at(spec.offset)});
            }
        }
    }
}
