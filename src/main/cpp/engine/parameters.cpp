#include "parameters.h"

#include <cmath>

#include "split_f32.h"

namespace apo {

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

void check_range(const TensorSpec& tensor, int64_t offset, int64_t count) {
    if (offset < 0 || count < 0 || offset > tensor.count() - count) {
        fail(APO_E_ARGUMENT, "elements [%lld, %lld) of %s; it has %lld", (long long)offset, (long long)(offset + count),
             tensor.name.c_str(), (long long)tensor.count());
    }
}

void check_values(const TensorSpec& tensor, int64_t offset, int64_t count, const void* source, DType dtype) {
    check_range(tensor, offset, count);
    const int64_t bad = first_not_finite(source, count, dtype);
    if (bad >= 0) {
        fail(APO_E_NUMERIC, "%s: element %lld is NaN or infinite", tensor.name.c_str(), (long long)(offset + bad));
    }
}

const TensorSpec& Parameters::tensor(int32_t index) const {
    if (index < 0 || size_t(index) >= tensors().size()) {
        fail(APO_E_ARGUMENT, "tensor %d does not exist; the %s has %zu", index, kind(), tensors().size());
    }
    return tensors()[size_t(index)];
}

const TensorSpec* Parameters::find(const std::string& name) const {
    const auto found = std::find_if(tensors().begin(), tensors().end(), [&](const TensorSpec& t) { return t.name == name; });
    return found == tensors().end() ? nullptr : &*found;
}

void Parameters::changed(int64_t, int64_t) {}

void Parameters::write(int32_t index, int64_t offset, int64_t count, const void* source, DType source_dtype) {
    const TensorSpec& spec = tensor(index);
    check_values(spec, offset, count, source, source_dtype);
    void* target = at(spec.offset + offset);
    if (source_dtype == dtype) {
        engine.ops.copy_to_device(engine.device, target, source, size_t(count) * bytes_of(dtype));
    } else if (dtype == DType::bf16) {
        std::vector<uint16_t> upper(static_cast<size_t>(count));
        const auto* values = static_cast<const float*>(source);
        for (size_t i = 0; i < size_t(count); i++) upper[i] = split_f32(values[i]).upper;
        engine.ops.copy_to_device(engine.device, target, upper.data(), upper.size() * sizeof(uint16_t));
    } else {
        Buffer staging(engine, size_t(count) * bytes_of(source_dtype));
        engine.ops.copy_to_device(engine.device, staging.data(), source, size_t(count) * bytes_of(source_dtype));
        engine.ops.convert(engine.device, {count, source_dtype, staging.data(), dtype, target});
    }
    changed(spec.offset + offset, count);
}

void Parameters::read(int32_t index, int64_t offset, int64_t count, void* target, DType target_dtype) const {
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

float normal_of(const Philox4& words, double deviation) {
    const double two_pi = 2 * std::acos(-1.0);
    const double radius = std::sqrt(-2 * std::log(uniform(words.word[0], words.word[1])));
    return float(deviation * radius * std::cos(two_pi * uniform(words.word[2], words.word[3])));
}

}  // namespace apo
