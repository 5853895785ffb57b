// The projections of a model's layers in packed form, and the products with them.
#pragma once

#include <vector>

#include "engine.h"
#include "quantize.h"
#include "shape.h"

namespace apo {

// APO_E_ARGUMENT for a number that is no apo_quantize.
Packing checked_packing(int32_t quantize);

class QuantizedWeights {
public:
    QuantizedWeights(apo_engine& engine, const Shape& shape, DType dtype, Packing packing);

    // Bytes that it allocates.
    static int64_t bytes(const Shape& shape, DType dtype, Packing packing);

    const Packing packing;

    // The projection whose weights begin at this offset of the shape; null where none does.
    const QuantizedMatrix* find(int64_t offset) const;
    // c = a op(W) as `gemm`, with W the matrix at this offset of the shape, of one projection or of several below each other; g says
    // all else. The operands and c are of the model's dtype. A few rows meet the packed weights; for more W is unpacked.
    void multiply(Gemm g, int64_t offset) const;
    // Elements [first, first + count) of the projection at this offset of the shape.
    void read(int64_t offset, int64_t first, int64_t count, DType dtype, void* out) const;
    // Packs all of a projection's weights, from host memory.
    void write(int64_t offset, const void* source, DType dtype);
    // The same of weights that are packed already; throws APO_E_ARGUMENT for a missing array, and APO_E_NUMERIC for a scale that is no
    // number, naming the tensor.
    void write_packed(int64_t offset, const apo_packed_matrix& source, const char* name);
    // All of another model's of the same shape and packing.
    void copy_from(const QuantizedWeights& source);

private:
    QuantizedMatrix* find(int64_t offset);
    void put(QuantizedMatrix& w, const PackedArrays& arrays);

    apo_engine& engine_;
    const Shape& shape_;
    DType dtype_;
    Buffer packed_, values_;  // values_: a matrix in front of its product
    std::vector<QuantizedMatrix> matrices_;  // by layer and apo_projection
};

}  // namespace apo
