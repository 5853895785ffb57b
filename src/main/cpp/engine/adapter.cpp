#include "adapter.h"

#include <cmath>

using namespace apo;

namespace apo {

namespace {

constexpr uint32_t kOwner = 1;                // of random words (initial_words)
constexpr double kScoreDeviation = 0.02;      // of a fresh value head, as transformers' initializer_range

bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

int64_t adapter_bytes(const AdapterShape& shape, DType dtype) {
    return shape.elements() * int64_t(sizeof(float) + (dtype == DType::f32 ? 0 : bytes_of(dtype)));
}

}  // namespace apo

apo_adapter::apo_adapter(apo_model& m, const apo_adapter_config& config)
    : Parameters(m.engine, DType::f32), model(m), shape(m.shape, config), opened_(m),
      weights_(m.engine, size_t(shape.elements()) * sizeof(float)) {
    if (model.dtype != DType::f32) rounded_ = Buffer(engine, size_t(shape.elements()) * bytes_of(model.dtype));
}

void apo_adapter::changed(int64_t begin, int64_t count) {
    if (model.dtype == DType::f32) return;
    engine.ops.convert(engine.device, {count, DType::f32, at(begin), model.dtype, rounded_.data() + size_t(begin) * bytes_of(model.dtype)});
}

const void* apo_adapter::operand(int64_t offset) const {
    return model.dtype == DType::f32 ? at(offset) : rounded_.data() + size_t(offset) * bytes_of(model.dtype);
}

void apo_adapter::initialize(uint64_t seed, int32_t kind) {
    if (kind != APO_INIT_UNIFORM && kind != APO_INIT_GAUSSIAN) fail(APO_E_ARGUMENT, "kind is %d; expected APO_INIT_UNIFORM or APO_INIT_GAUSSIAN", kind);
    for (int32_t index = 0; size_t(index) < tensors().size(); index++) {
        const TensorSpec& spec = tensor(index);
        auto words = [=](int64_t i) { return initial_words(seed, i, index, kOwner); };
        const double bound = 1 / std::sqrt(double(spec.shape[1])), deviation = 1 / double(spec.shape[0]);
        if (ends_with(spec.name, "lora_B.weight")) {
            fill(index, [](int64_t) { return 0.0f; });
        } else if (!ends_with(spec.name, "lora_A.weight")) {
            fill(index, [=](int64_t i) { return normal_of(words(i), kScoreDeviation); });
        } else if (kind == APO_INIT_GAUSSIAN) {
            fill(index, [=](int64_t i) { return normal_of(words(i), deviation); });
        } else {
            fill(index, [=](int64_t i) {
                const Philox4 w = words(i);
                return float(bound * (2 * uniform(w.word[0], w.word[1]) - 1));
            });
        }
    }
}

void apo_adapter::copy_from(const apo_adapter& source) {
    if (&source.engine != &engine) fail(APO_E_ARGUMENT, "the adapters belong to two engines");
    bool same = source.tensors().size() == tensors().size() && source.elements() == elements();
    for (size_t i = 0; same && i < tensors().size(); i++) {
        const TensorSpec &a = tensors()[i], &b = source.tensors()[i];
        same = a.name == b.name && a.shape[0] == b.shape[0] && a.shape[1] == b.shape[1] && a.offset == b.offset;
    }
    for (int64_t l = 0; same && l < model.shape.L; l++) {
        for (int32_t g = 0; g < kGroups; g++) {
            const auto &a = shape.group(l, static_cast<Group>(g)).parts, &b = source.shape.group(l, static_cast<Group>(g)).parts;
            for (size_t i = 0; i < a.size(); i++) same = same && a[i].scale == b[i].scale;
        }
    }
    if (!same) fail(APO_E_ARGUMENT, "the adapters differ; a copy needs the same ranks, scales, head and model shape");
    engine.ops.copy(engine.device, weights_.data(), source.weights_.data(), weights_.bytes());
    changed(0, elements());
}
