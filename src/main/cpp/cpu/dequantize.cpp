// A weight's value is a bf16, so that a block of NF4 has a table of 16 of them: 16 bytes of their lower halves and 16 of their upper
// ones, which one instruction of each instruction set looks up for 16 codes at once.
#include "dequantize.h"

#include <algorithm>

#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

typedef uint8_t vb __attribute__((vector_size(16)));
typedef uint32_t vw __attribute__((vector_size(64)));  // 16 of them, on any instruction set
typedef uint16_t vq __attribute__((vector_size(32)));
typedef float vs __attribute__((vector_size(64)));

struct Table {
    vb low, high;
};

Table nf4_table(float scale) {
    vs values;
    std::memcpy(&values, kNf4, sizeof values);
    values *= scale;
    const vw bits = (vw)values;
    const vq halves = __builtin_convertvector((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, vq);
    return {__builtin_convertvector(halves, vb), __builtin_convertvector(halves >> 8, vb)};
}

inline vb first_of_both(vb a, vb b) { return __builtin_shuffle(a, b, vb{0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}); }
inline vb last_of_both(vb a, vb b) { return __builtin_shuffle(a, b, vb{8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31}); }

// Eight bf16 as they are, or widened.
inline void put(vb values, bf16* out) { std::memcpy(out, &values, sizeof values); }

inline void put(vb values, float* out) {
    typedef uint16_t v8h __attribute__((vector_size(16)));
    const v8h halves = (v8h)values, zero{};
    const v8h low = __builtin_shuffle(zero, halves, v8h{0, 8, 1, 9, 2, 10, 3, 11}), high = __builtin_shuffle(zero, halves, v8h{4, 12, 5, 13, 6, 14, 7, 15});
    std::memcpy(out, &low, sizeof low);
    std::memcpy(out + 4, &high, sizeof high);
}

// A whole block.
template <class T>
void decode_block(const uint8_t* codes, float scale, T* out) {
    const Table table = nf4_table(scale);
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++) {
        vb bytes;
        std::memcpy(&bytes, codes + half * 16, sizeof bytes);
        const vb upper = bytes >> 4, lower = bytes & 15;
#pragma GCC unroll 2
        for (int part = 0; part < 2; part++) {
            const vb index = part == 0 ? first_of_both(upper, lower) : last_of_both(upper, lower);
            const vb low = __builtin_shuffle(table.low, index), high = __builtin_shuffle(table.high, index);
            T* target = out + half * 32 + part * 16;
            put(first_of_both(low, high), target);
            put(last_of_both(low, high), target + 8);
        }
    }
}

template <class T>
void decode_nf4(const QuantizedMatrix& w, int64_t first, int64_t count, T* out) {
    for (int64_t at = 0; at < count; at += kNf4Block) {
        const uint8_t* codes = w.codes + (first + at) / 2;
        const float scale = nf4_scale(w, (first + at) / kNf4Block);
        const int64_t n = std::min(kNf4Block, count - at);
        if (n == kNf4Block) {
            decode_block(codes, scale, out + at);
            continue;
        }
        uint8_t some[kNf4Block / 2] = {};
        T values[kNf4Block];
        std::memcpy(some, codes, size_t(n + 1) / 2);
        decode_block(some, scale, values);
        std::copy(values, values + n, out + at);
    }
}

inline void put(uint32_t bits, float* out) { *out = float_of_bits(bits); }
inline void put(uint32_t bits, bf16* out) { out->bits = uint16_t(bits >> 16); }

template <class T>
void decode_int8(const QuantizedMatrix& w, int64_t first, int64_t count, T* out) {
    for (int64_t at = 0; at < count;) {
        const int64_t row = (first + at) / w.columns, n = std::min(count - at, (row + 1) * w.columns - first - at);
        const auto* codes = reinterpret_cast<const int8_t*>(w.codes) + first + at;
        const float scale = int8_scale(w, row);
        for (int64_t j = 0; j < n; j++) put(bits_of(quantized_value(float(codes[j]), scale)), out + at + j);
        at += n;
    }
}

}  // namespace

void nf4_scales(const QuantizedMatrix& w, int64_t first, int64_t count, float* scales) {
    for (int64_t i = 0; i < count; i++) scales[i] = nf4_scale(w, first + i);
}

void dequantize(Device& device, const Dequantize& op) {
    constexpr int64_t piece = 256 * kNf4Block;
    with_type(op.dtype, [&](auto tag) {
        auto* out = static_cast<decltype(tag)*>(op.out);
        parallel_ranges(device, (op.count + piece - 1) / piece, 1, [&](int64_t begin, int64_t end) {
            const int64_t from = begin * piece, n = std::min(op.count, end * piece) - from;
            if (op.w.is_nf4()) {
                decode_nf4(op.w, op.first + from, n, out + from);
            } else {
                decode_int8(op.w, op.first + from, n, out + from);
            }
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
