// Packs weights on the host, as QLoRA (arXiv 2305.14314) and bitsandbytes do.
#pragma once

#include <vector>

#include "ops.h"

namespace apo {

// The arrays of a QuantizedMatrix; those that its packing has not are empty.
struct PackedArrays {
    std::vector<uint8_t> codes;
    std::vector<float> scales;
    std::vector<uint8_t> scale_codes;
    std::vector<float> scale_map;
    float scale_offset = 0;
};

// Of source(rows, columns), all finite. NF4: the code nearest to w (1 / a), of two equally near the lower; a zero block has a = 0. The a's
// less their mean are packed likewise, by the map of 8-bit dynamic codes (arXiv 1511.04561). int8: w 127 / largest to the nearest, of two
// equally near the even one.
PackedArrays pack(Packing packing, int64_t rows, int64_t columns, const void* source, DType dtype);

}  // namespace apo
