#include "quantize.h"

#include <algorithm>
#include <cmath>

#include "quantized.h"

namespace apo {

namespace {

constexpr float kLeastScale = 1e-38f;  // its inverse is still finite

float value(const void* source, DType dtype, int64_t i) {
    return dtype == DType::f32 ? static_cast<const float*>(source)[i] : float_of_bits(uint32_t(static_cast<const uint16_t*>(source)[i]) << 16);
}

// The bounds between neighbouring codes: a value on one has the lower code.
template <size_t Codes>
struct Bounds {
    explicit Bounds(const float* values) {
        for (size_t i = 0; i + 1 < Codes; i++) at[i] = (values[i] + values[i + 1]) * 0.5f;
    }
    float at[Codes - 1];
};

// bitsandbytes' signed dynamic map of 8 bits: for each power of ten a linear part, finer the larger; 0 and 1.
std::vector<float> dynamic_map() {
    std::vector<float> map{0.0f, 1.0f};
    for (int power = 0; power < 7; power++) {
        // Bounds from 0.1 to 1, from both ends with a step rounded to f32, as torch.linspace has them.
        const int parts = 1 << power;
        const float step = (1.0f - 0.1f) / float(parts);
        auto bound = [&](int i) { return i < (parts + 1) / 2 ? float(double(0.1f) + double(step) * i) : float(1.0 - double(step) * (parts - i)); };
        const float unit = float(std::pow(10.0, power - 6));
        for (int i = 0; i < parts; i++) {
            const float mean = (bound(i) + bound(i + 1)) / 2.0f;
            map.push_back(unit * mean);
            map.push_back(-(unit * mean));
        }
    }
    std::sort(map.begin(), map.end());
    return map;
}

void pack_nf4(int64_t count, const void* source, DType dtype, PackedArrays& out) {
    static const Bounds<16> bounds(kNf4);
    const int64_t blocks = nf4_blocks(count);
    out.codes.resize(size_t(count + 1) / 2);
    out.scales.resize(size_t(blocks));
#pragma omp parallel for schedule(static)
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t first = block * kNf4Block, n = std::min(kNf4Block, count - first);
        float values[kNf4Block] = {}, largest = 0;
        for (int64_t i = 0; i < n; i++) {
            values[i] = value(source, dtype, first + i);
            largest = std::max(largest, std::fabs(values[i]));
        }
        const float inverse = 1.0f / std::max(largest, kLeastScale);
        uint8_t codes[kNf4Block] = {};
        for (const float bound : bounds.at) {
            for (int64_t i = 0; i < kNf4Block; i++) codes[i] = uint8_t(codes[i] + (values[i] * inverse > bound));
        }
        for (int64_t i = 0; i < n; i += 2) out.codes[size_t(first + i) / 2] = uint8_t(codes[i] << 4 | codes[i + 1]);
        out.scales[size_t(block)] = largest;
    }
}

// The a's in 8 bits.
void nest(PackedArrays& out) {
    static const std::vector<float> map = dynamic_map();
    static const Bounds<kScaleMap> bounds(map.data());
    const std::vector<float> absmax = std::move(out.scales);
    double sum = 0;
    for (float a : absmax) sum += double(a);
    out.scale_offset = float(sum / double(absmax.size()));
    out.scale_map = map;
    out.scale_codes.resize(absmax.size());
    out.scales.assign(size_t(nested_blocks(int64_t(absmax.size()))), 0);
    for (size_t block = 0; block < out.scales.size(); block++) {
        const size_t first = block * kNestedBlock, end = std::min(absmax.size(), first + kNestedBlock);
        float largest = 0;
        for (size_t i = first; i < end; i++) largest = std::max(largest, std::fabs(absmax[i] - out.scale_offset));
        const float inverse = 1.0f / std::max(largest, kLeastScale);
        for (size_t i = first; i < end; i++) {
            const float* found = std::lower_bound(std::begin(bounds.at), std::end(bounds.at), (absmax[i] - out.scale_offset) * inverse);
            out.scale_codes[i] = uint8_t(found - bounds.at);
        }
        out.scales[block] = largest;
    }
}

void pack_int8(int64_t rows, int64_t columns, const void* source, DType dtype, PackedArrays& out) {
    out.codes.resize(size_t(rows * columns));
    out.scales.resize(size_t(rows));
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        float largest = 0;
        for (int64_t j = 0; j < columns; j++) largest = std::max(largest, std::fabs(value(source, dtype, row * columns + j)));
        for (int64_t j = 0; j < columns && largest > 0; j++) {
            out.codes[size_t(row * columns + j)] = uint8_t(int8_t(std::nearbyint(127.0 * double(value(source, dtype, row * columns + j)) / double(largest))));
        }
        out.scales[size_t(row)] = largest;
    }
}

}  // namespace

PackedArrays pack(Packing packing, int64_t rows, int64_t columns, const void* source, DType dtype) {
    PackedArrays out;
    if (packing == Packing::int8) {
        pack_int8(rows, columns, source, dtype, out);
        return out;
    }
    pack_nf4(rows * columns, source, dtype, out);
    if (packing == Packing::nf4) nest(out);
    return out;
}

}  // namespace apo
