// Products of a few rows with packed weights. Up to kVectorRows of them, a block's codes are looked up in registers and meet the rows of
// x at once, so that memory is asked for the codes alone; each result is the sum of one vector, which goes over the blocks in order, and
// so depends on its own row alone. For more rows a piece of the matrix is unpacked into the cache, and `gemm` multiplies it.
#include <algorithm>

#include "dequantize.h"
#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

constexpr int64_t kMostRows = 64;                  // as gemm's few rows
constexpr int64_t kVectorRows = 8;
constexpr int64_t kPieceElements = 1 << 18;        // of weights in the cache
constexpr int kVectors = int(kNf4Block) / kLanes;  // of a block of 64 columns

// bf16 values as f32.
inline vf rounded(vf x) {
    const vu bits = (vu)x;
    return (vf)((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
}

// A row of NF4. Half-words of four codes stand beside each other in a vector's lanes, and its four codes come one after the other by
// shifting.
struct Nf4Row {
    const uint8_t* codes;
    const float* scales;

    // Where in the block's columns lane l of vector v stands.
    static int column(int v, int l) { return (v / 4 * kLanes + l) * 4 + (v % 4 ^ 1); }  // the first of two is the upper half of a byte

    struct Block {
        vf values[16 / kLanes];
        vu words[kVectors / 4];

        vf vector(int v) const { return looked_up<kLanes>(words[v / 4] >> uint32_t(v % 4 * 4)); }

        // The values of the lowest four bits.
        template <int Lanes>
        vf looked_up(vu index) const {
            if constexpr (Lanes == 16) {
                return __builtin_shuffle(values[0], (vi)index);
            } else if constexpr (Lanes == 8) {
                return __builtin_shuffle(values[0], values[Lanes / 8], (vi)index);
            } else {
                vf out;
                for (int l = 0; l < kLanes; l++) out[l] = reinterpret_cast<const float*>(values)[index[l] & 15u];
                return out;
            }
        }
    };

    Block block(int64_t b) const {
        Block out;
        for (int i = 0; i < 16 / kLanes; i++) out.values[i] = rounded(load(kNf4 + i * kLanes) * scales[b]);
        for (int i = 0; i < kVectors / 4; i++) {
            vh halves;
            std::memcpy(&halves, codes + b * (kNf4Block / 2) + i * int64_t(sizeof halves), sizeof halves);
            out.words[i] = __builtin_convertvector(halves, vu);
        }
        return out;
    }
};

// The same of int8, with words of four codes.
struct Int8Row {
    const uint8_t* codes;
    float scale;

    static int column(int v, int l) { return (v / 4 * kLanes + l) * 4 + v % 4; }

    struct Block {
        const uint8_t* codes;
        float scale;

        vf vector(int v) const {
            vi words;
            std::memcpy(&words, codes + v / 4 * int64_t(sizeof words), sizeof words);
            return rounded(__builtin_convertvector((vi)((vu)words << uint32_t(24 - v % 4 * 8)) >> 24, vf) * scale);
        }
    };

    Block block(int64_t b) const { return {codes + b * kNf4Block, scale}; }
};

// out(N rows, M) = those rows against panels of M rows of x.
template <int M, int N, class Row>
void multiply_rows(const Row (&rows)[N], int64_t blocks, const float* panel, float (&out)[N][M]) {
    vf total[N][M] = {};
    for (int64_t b = 0; b < blocks; b++, panel += kNf4Block * M) {
        typename Row::Block block[N];
        for (int i = 0; i < N; i++) block[i] = rows[i].block(b);
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; v++) {
            vf x[M];
#pragma GCC unroll 8
            for (int m = 0; m < M; m++) x[m] = load(panel + (v * M + m) * kLanes);
#pragma GCC unroll 4
            for (int i = 0; i < N; i++) {
                const vf weight = block[i].vector(v);
#pragma GCC unroll 8
                for (int m = 0; m < M; m++) total[i][m] += weight * x[m];
            }
        }
    }
    for (int i = 0; i < N; i++) {
        for (int m = 0; m < M; m++) out[i][m] = sum(total[i][m]);
    }
}

template <int M, int N, class T>
void rows_at(const QuantizedProduct& op, int64_t row, const float* panel, float* scales) {
    const QuantizedMatrix& w = op.w;
    const int64_t blocks = w.columns / kNf4Block;
    float out[N][M];
    if (w.is_nf4()) {
        nf4_scales(w, row * blocks, N * blocks, scales);
        Nf4Row rows[N];
        for (int i = 0; i < N; i++) rows[i] = {w.codes + (row + i) * (w.columns / 2), scales + i * blocks};
        multiply_rows<M, N>(rows, blocks, panel, out);
    } else {
        Int8Row rows[N];
        for (int i = 0; i < N; i++) rows[i] = {w.codes + (row + i) * w.columns, int8_scale(w, row + i)};
        multiply_rows<M, N>(rows, blocks, panel, out);
    }
    for (int64_t m = 0; m < op.rows; m++) {
        T* target = static_cast<T*>(op.out) + m * op.ldo + row;
        for (int i = 0; i < N; i++) target[i] = from_float<T>(out[i][m]);
    }
}

// x as panels: for each block and vector, M rows in the weights' order; rows past x's are zero.
template <int M, class Row, class T>
void pack(const QuantizedProduct& op, float* panel) {
    for (int64_t b = 0; b < op.w.columns; b += kNf4Block) {
        for (int v = 0; v < kVectors; v++) {
            for (int m = 0; m < M; m++) {
                const T* x = static_cast<const T*>(op.x) + m * op.ldx + b;
                for (int l = 0; l < kLanes; l++) *panel++ = m < op.rows ? to_float(x[Row::column(v, l)]) : 0.0f;
            }
        }
    }
}

template <int M, class T>
void in_registers(Device& device, const QuantizedProduct& op) {
    constexpr int N = M <= 2 ? 4 : 2;  // rows of weights at a time: enough sums to wait for none
    float* panel = cpu(device).shared_floats(size_t(op.w.columns * M));
    if (op.w.is_nf4()) {
        pack<M, Nf4Row, T>(op, panel);
    } else {
        pack<M, Int8Row, T>(op, panel);
    }
    cpu(device).reserve_private(size_t(N * (op.w.columns / kNf4Block)) * sizeof(float));
    parallel_ranges(device, op.w.rows, 1 + 65536 / op.w.columns, [&](int64_t begin, int64_t end) {
        float* scales = cpu(device).private_floats(omp_get_thread_num());
        int64_t row = begin;
        for (; row + N <= end; row += N) rows_at<M, N, T>(op, row, panel, scales);
        for (; row < end; row++) rows_at<M, 1, T>(op, row, panel, scales);
    });
}

void by_pieces(Device& device, const QuantizedProduct& op) {
    const QuantizedMatrix& w = op.w;
    // A piece begins with a block.
    const int64_t whole = w.columns % kNf4Block == 0 ? 16 : kNf4Block;
    const int64_t piece = std::min(w.rows, std::max(whole, kPieceElements / w.columns / whole * whole));
    cpu(device).weights.reserve(size_t(piece * w.columns) * bytes_of(op.dtype));
    void* values = cpu(device).weights.data();
    for (int64_t row = 0; row < w.rows; row += piece) {
        Gemm g{};
        g.m = op.rows, g.n = std::min(piece, w.rows - row), g.k = w.columns;
        g.transpose_b = true;
        g.a_type = g.b_type = g.c_type = op.dtype;
        g.a = op.x, g.lda = op.ldx, g.b = values, g.ldb = w.columns;
        g.c = static_cast<char*>(op.out) + size_t(row) * bytes_of(op.dtype), g.ldc = op.ldo;
        dequantize(device, {w, row * w.columns, g.n * w.columns, op.dtype, values});
        gemm(device, g);
    }
}

}  // namespace

int64_t quantized_rows(const QuantizedMatrix&) { return kMostRows; }

void quantized_product(Device& device, const QuantizedProduct& op) {
    if (op.rows == 0) return;
    if (op.rows > kVectorRows || op.w.columns % kNf4Block != 0) return by_pieces(device, op);
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        if (op.rows == 1) return in_registers<1, T>(device, op);
        if (op.rows == 2) return in_registers<2, T>(device, op);
        if (op.rows <= 4) return in_registers<4, T>(device, op);
        in_registers<8, T>(device, op);
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
