// A named tensor in a buffer of many.
#pragma once

#include <cstdint>
#include <string>

#include "ops.h"

namespace apo {

// A weight tensor under its name in files, at `offset` elements in its owner's one buffer.
struct TensorSpec {
    std::string name;
    int32_t rank;
    int64_t shape[2];
    int64_t offset;
    int64_t count() const { return shape[0] * shape[1]; }
};

// Checks that [offset, offset + count) lies in the tensor.
void check_range(const TensorSpec& tensor, int64_t offset, int64_t count);

// The same, and that these values for them, of f32 or bf16, are finite: APO_E_NUMERIC names the first that is not.
void check_values(const TensorSpec& tensor, int64_t offset, int64_t count, const void* source, DType dtype);

// Elements that a tensor takes in its buffer, so that each begins at a whole vector.
constexpr int64_t padded(int64_t elements) { return (elements + 63) / 64 * 64; }

}  // namespace apo
