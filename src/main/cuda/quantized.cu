// Packed weights: their values, and the product of a few rows that reads them where they lie. NF4's table stands in shared memory once
// for each lane, so that lanes with different codes do not wait for each other.
#include "dispatch.h"
#include "family.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kPart = 8;          // weights of a thread at a time: 4 bytes of NF4, 8 of int8
constexpr int kMostRows = 16;     // of x: more are worth unpacking the matrix
constexpr int kProductThreads = 128;
constexpr int kWarpRows = 2;      // of weights, which share what is read of x

constexpr int kTable = 16 * kWarp;

// Fills a block's table; its threads see it after the next __syncthreads.
APO_DEVICE void fill_table(float* table) {
    constexpr float values[16] = APO_NF4_VALUES;
    if (warp_index() > 0) return;
#pragma unroll
    for (int code = 0; code < 16; code++) table[code * kWarp + lane_index()] = values[code];
}

// Weights [at, at + kPart) of an NF4 matrix; at is a multiple of kPart.
APO_DEVICE Floats<kPart> nf4_values(const QuantizedMatrix& w, int64_t at, const float* table) {
    const uint32_t codes = *reinterpret_cast<const uint32_t*>(w.codes + at / 2);
    const float scale = nf4_scale(w, at / kNf4Block);
    Floats<kPart> out;
#pragma unroll
    for (int j = 0; j < kPart; j++) out[j] = quantized_value(table[(codes >> (4 * (j ^ 1)) & 15u) * kWarp + lane_index()], scale);
    return out;
}

// The same of an int8 matrix, of which they are in this row.
APO_DEVICE Floats<kPart> int8_values(const QuantizedMatrix& w, int64_t at, int64_t row) {
    const uint2 codes = *reinterpret_cast<const uint2*>(w.codes + at);
    const float scale = int8_scale(w, row);
    Floats<kPart> out;
#pragma unroll
    for (int j = 0; j < kPart; j++) out[j] = quantized_value(float(int32_t((j < 4 ? codes.x : codes.y) << (24 - 8 * (j % 4))) >> 24), scale);
    return out;
}

APO_DEVICE float nf4_value(const QuantizedMatrix& w, int64_t at, const float* table) {
    const uint32_t codes = w.codes[at / 2];
    return quantized_value(table[(at % 2 == 0 ? codes >> 4 : codes & 15u) * kWarp + lane_index()], nf4_scale(w, at / kNf4Block));
}

APO_DEVICE float int8_value(const QuantizedMatrix& w, int64_t at) {
    return quantized_value(float(reinterpret_cast<const int8_t*>(w.codes)[at]), int8_scale(w, at / w.columns));
}

// A thread has kPart weights; Whole: out takes them at once.
template <class T, bool Nf4, bool Whole>
__global__ void dequantize_kernel(QuantizedMatrix w, int64_t first, int64_t count, T* out) {
    APO_SHARED(float, table, kTable);
    if (Nf4) fill_table(table);
    __syncthreads();
    const int64_t i = (int64_t(blockIdx.x) * kThreads + threadIdx.x) * kPart;
    const int64_t at = first + i, row = at / w.columns;
    if (Whole && i + kPart <= count && (Nf4 || at + kPart <= (row + 1) * w.columns)) {
        store_all<kPart>(out + i, Nf4 ? nf4_values(w, at, table) : int8_values(w, at, row));
    } else {
        for (int64_t j = i; j < i + kPart && j < count; j++) out[j] = from_float<T>(Nf4 ? nf4_value(w, first + j, table) : int8_value(w, first + j));
    }
}

// A warp has kWarpRows rows of weights against M rows of x at most; its lanes share a row's columns.
template <class T, bool Nf4, bool Whole, int M>
__global__ void product_kernel(QuantizedMatrix w, int rows, const T* x, int64_t ldx, T* out, int64_t ldo) {
    APO_SHARED(float, table, kTable);
    if (Nf4) fill_table(table);
    __syncthreads();
    const int64_t row = (int64_t(blockIdx.x) * (kProductThreads / kWarp) + warp_index()) * kWarpRows;
    if (row >= w.rows) return;
    float total[kWarpRows][M] = {};
#pragma unroll 2
    for (int64_t k = lane_index() * kPart; k < w.columns; k += kWarp * kPart) {
        Floats<kPart> weights[kWarpRows];
#pragma unroll
        for (int r = 0; r < kWarpRows; r++) {
            const int64_t own = row + r < w.rows ? row + r : row, at = own * w.columns + k;
            weights[r] = Nf4 ? nf4_values(w, at, table) : int8_values(w, at, own);
        }
#pragma unroll
        for (int m = 0; m < M; m++) {
            if (m >= rows) continue;
            Floats<kPart> v;
            if constexpr (Whole) {
                v = load_all<kPart>(x + m * ldx + k);
            } else {
#pragma unroll
                for (int j = 0; j < kPart; j++) v[j] = to_float(x[m * ldx + k + j]);
            }
#pragma unroll
            for (int r = 0; r < kWarpRows; r++) {
#pragma unroll
                for (int j = 0; j < kPart; j++) total[r][m] += weights[r][j] * v[j];
            }
        }
    }
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
        for (int r = 0; r < kWarpRows; r++) {
            const float result = warp_sum(total[r][m]);
            if (lane_index() == 0 && m < rows && row + r < w.rows) out[m * ldo + row + r] = from_float<T>(result);
        }
    }
}

// body(integral_constant) with an M that takes so many rows; it says how many sums a thread keeps, `rows` what is done.
template <class Body>
void with_rows(int64_t rows, Body body) {
    if (rows == 1) return body(std::integral_constant<int, 1>{});
    if (rows <= 4) return body(std::integral_constant<int, 4>{});
    body(std::integral_constant<int, kMostRows>{});
}

// body(T{}, Nf4, Whole).
template <class Body>
void with_kind(DType dtype, const QuantizedMatrix& w, bool whole, Body body) {
    with_type(dtype, [&](auto tag) {
        auto by_packing = [&](auto nf4) {
            if (whole) {
                body(tag, nf4, std::true_type{});
            } else {
                body(tag, nf4, std::false_type{});
            }
        };
        if (w.is_nf4()) {
            by_packing(std::true_type{});
        } else {
            by_packing(std::false_type{});
        }
    });
}

}  // namespace

void dequantize(Device& device, const Dequantize& op) {
    if (op.count == 0) return;
    CudaDevice& d = gpu(device);
    with_kind(op.dtype, op.w, in_vectors({op.out}, {}), [&](auto tag, auto nf4, auto whole) {
        using T = decltype(tag);
        APO_LAUNCH(d, (dequantize_kernel<T, nf4, whole>), blocks_for(op.count, kThreads * kPart), kThreads, 0, op.w, op.first, op.count,
                   static_cast<T*>(op.out));
    });
}

int64_t quantized_rows(const QuantizedMatrix& w) { return w.columns % kNf4Block == 0 ? kMostRows : 0; }

void quantized_product(Device& device, const QuantizedProduct& op) {
    if (op.rows == 0) return;
    CudaDevice& d = gpu(device);
    const bool whole = in_vectors({op.x}, {op.ldx * int64_t(bytes_of(op.dtype))});
    with_kind(op.dtype, op.w, whole, [&](auto tag, auto nf4, auto vectors) {
        with_rows(op.rows, [&](auto most) {
            using T = decltype(tag);
            APO_LAUNCH(d, (product_kernel<T, nf4, vectors, most>), blocks_for(op.w.rows, kProductThreads / kWarp * kWarpRows), kProductThreads, 0, op.w,
                       int(op.rows), static_cast<const T*>(op.x), op.ldx, static_cast<T*>(op.out), op.ldo);
        });
    });
}

}  // namespace cuda
}  // namespace apo
