// Matrices of 4 or 8 bits a weight, and what a weight of them is, written once so that all backends give the same bits.
//
// NF4 (QLoRA, arXiv 2305.14314): blocks of 64 over the row-major weights, each with its largest magnitude a; a weight is
// kNf4[code] a. The a's are f32, or codes of 8 bits themselves (double quantisation): a = map[code] nested + offset, with `nested`
// the largest magnitude in a block of 256 of them. int8: a row has its largest magnitude; a weight is code (largest / 127).
// The value is rounded to bf16 in every model, f32 ones too: they are 16-bit weights that were quantised, and a merged copy in bf16
// has the same ones.
#pragma once

#include <cstdint>

#include "metaapo.h"
#include "portable.h"

namespace apo {

enum class Packing : int32_t {
    none = APO_QUANTIZE_NONE,
    nf4 = APO_QUANTIZE_NF4,          // a's of 8 bits
    nf4_f32 = APO_QUANTIZE_NF4_F32,  // a's of f32
    int8 = APO_QUANTIZE_INT8
};

constexpr int64_t kNf4Block = 64;
constexpr int64_t kNestedBlock = 256;
constexpr int64_t kScaleMap = 256;  // values of a map

// A matrix W(rows, columns).
struct QuantizedMatrix {
    Packing packing;
    int64_t rows, columns;
    const uint8_t* codes;        // NF4: two weights a byte, the first in the upper half; int8: a signed one a weight
    const float* scales;         // nf4_f32: a's; nf4: the largest magnitudes of 256 a's each; int8: of the rows
    const uint8_t* scale_codes;  // nf4: of the a's
    const float* scale_map;      // nf4: (kScaleMap)
    float scale_offset;          // nf4

    int64_t count() const { return rows * columns; }
    bool is_nf4() const { return packing == Packing::nf4 || packing == Packing::nf4_f32; }
};

constexpr int64_t nf4_blocks(int64_t count) { return (count + kNf4Block - 1) / kNf4Block; }
constexpr int64_t nested_blocks(int64_t scales) { return (scales + kNestedBlock - 1) / kNestedBlock; }

#define APO_NF4_VALUES                                                                                                                       \
    {-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,                 \
     -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,                    \
     0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f}
constexpr float kNf4[16] = APO_NF4_VALUES;

// a of an NF4 matrix's block.
APO_HD inline float nf4_scale(const QuantizedMatrix& w, int64_t block) {
    if (w.packing == Packing::nf4_f32) return w.scales[block];
    return exact::add(exact::mul(w.scale_map[w.scale_codes[block]], w.scales[block / kNestedBlock]), w.scale_offset);
}

// What an int8 matrix's codes of a row are multiplied by.
APO_HD inline float int8_scale(const QuantizedMatrix& w, int64_t row) { return exact::mul(w.scales[row], 1.0f / 127.0f); }

// The nearest bf16 to a finite number, of two equally near the even one, as an f32's bits.
APO_HD inline uint32_t bf16_rounded(uint32_t bits) { return (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u; }

// The weight of a code's value and its scale.
APO_HD inline float quantized_value(float value, float scale) { return float_of_bits(bf16_rounded(bits_of(exact::mul(value, scale)))); }

}  // namespace apo
