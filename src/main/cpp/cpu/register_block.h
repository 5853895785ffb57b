// The inner loop of our own products, and the packing of operands into the panels that it reads.
#pragma once

#include <algorithm>

#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

constexpr int kRegisters = kLanes == 16 ? 32 : 16;
constexpr int kBlockRows = kRegisters == 32 ? 12 : 6;  // of a block two vectors wide; with their sums they fill the registers
constexpr int64_t kDepth = 256;                        // columns of a block: its panels stay in the first-level cache
constexpr int64_t kLine = 64;                          // bytes

// Memory that is read next, asked for while a block is at work: rows too short for the hardware to foresee.
struct Ahead {
    const char* rows;
    int64_t stride;
    int64_t bytes_per_column;
    int64_t columns;  // 0: nothing
};

// sums(N, V vectors) += weight(N, depth) * panel(depth, V vectors); weight(i, p) gives a number. `fresh` assigns. Each sum goes
// over depth in one order.
template <int N, int V, class Weight>
inline void multiply_block(Weight weight, const float* panel, int64_t depth, bool fresh, const Ahead& ahead, float* sums) {
    constexpr int64_t columns_a_line = kLine / int64_t(sizeof(float));
    vf total[N][V];
#pragma GCC unroll 24
    for (int i = 0; i < N; i++) {
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) total[i][v] = fresh ? vf{} : load(sums + (i * V + v) * kLanes);
    }
    for (int64_t first = 0; first < depth; first += columns_a_line) {
        for (int i = 0; i < N && first < ahead.columns; i++) __builtin_prefetch(ahead.rows + i * ahead.stride + first * ahead.bytes_per_column);
        const int64_t end = std::min(depth, first + columns_a_line);
#pragma GCC unroll 4
        for (int64_t p = first; p < end; p++) {
            vf x[V];
#pragma GCC unroll 2
            for (int v = 0; v < V; v++) x[v] = load(panel + (p * V + v) * kLanes);
#pragma GCC unroll 24
            for (int i = 0; i < N; i++) {
                const vf spread = splat(weight(i, p));
#pragma GCC unroll 2
                for (int v = 0; v < V; v++) total[i][v] += spread * x[v];
            }
        }
    }
#pragma GCC unroll 24
    for (int i = 0; i < N; i++) {
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) store(sums + (i * V + v) * kLanes, total[i][v]);
    }
}

// An index of lanes for __builtin_shuffle of two vectors: in each group of four lanes a, b, c and d, where 4 and more are of the
// second vector.
inline vi lanes_of_four(int a, int b, int c, int d) {
    const int of_group[4] = {a, b, c, d};
    vi lanes{};
    for (int i = 0; i < kLanes; i++) {
        const int lane = of_group[i % 4];
        lanes[i] = i / 4 * 4 + (lane < 4 ? lane : kLanes + lane - 4);
    }
    return lanes;
}

inline vf widened(vf x) { return x; }
inline vf widened(vh x) { return (vf)(__builtin_convertvector(x, vu) << 16); }

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
    typedef vf type;
    typedef uint64_t parts __attribute__((vector_size(kLanes * 4)));
};
template <>
struct VectorOf<bf16> {
    typedef vh type;
    typedef uint64_t parts __attribute__((vector_size(kLanes * 2)));
};

// Four columns of Rows <= kLanes stored rows, transposed: columns[q] has element q of each row, zeros beyond.
template <int Rows, class T>
inline void load_columns(const T* rows, int64_t ld, vf columns[4]) {
    vf four[4];
    if constexpr (kLanes == 4) {
        for (int i = 0; i < 4; i++) four[i] = i < Rows ? load(rows + i * ld) : vf{};
    } else {
        // Put together in registers: a vector that is read from memory just written in parts would wait for it.
        constexpr int parts = 4 * sizeof(T) / sizeof(uint64_t);  // of a row's four elements
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            typename VectorOf<T>::parts row_parts{};
#pragma GCC unroll 8
            for (int part = 0; part < kLanes / 4 * parts; part++) {
                const int row = part / parts * 4 + i;
                uint64_t value = 0;
                if (row < Rows) std::memcpy(&value, rows + row * ld + part % parts * (4 / parts), sizeof value);
                row_parts[part] = value;
            }
            four[i] = widened((typename VectorOf<T>::type)row_parts);
        }
    }
    const vf low01 = __builtin_shuffle(four[0], four[1], lanes_of_four(0, 4, 1, 5));
    const vf high01 = __builtin_shuffle(four[0], four[1], lanes_of_four(2, 6, 3, 7));
    const vf low23 = __builtin_shuffle(four[2], four[3], lanes_of_four(0, 4, 1, 5));
    const vf high23 = __builtin_shuffle(four[2], four[3], lanes_of_four(2, 6, 3, 7));
    columns[0] = __builtin_shuffle(low01, low23, lanes_of_four(0, 1, 4, 5));
    columns[1] = __builtin_shuffle(low01, low23, lanes_of_four(2, 3, 6, 7));
    columns[2] = __builtin_shuffle(high01, high23, lanes_of_four(0, 1, 4, 5));
    columns[3] = __builtin_shuffle(high01, high23, lanes_of_four(2, 3, 6, 7));
}

// out(depth, Width) from lane First on: x^T for Width stored rows of x, widened to f32. A vector may reach into what is written after it.
template <int Width, int First, class T>
inline void pack_stored_rows(const T* x, int64_t ld, int64_t depth, float* out) {
    constexpr int rows = std::min(kLanes, Width - First);
    constexpr bool reaches = First == 0 && rows < kLanes;
    int64_t p = 0;
    for (; p + 4 <= depth - (reaches ? 1 : 0); p += 4) {
        vf columns[4];
        load_columns<rows>(x + First * ld + p, ld, columns);
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++) {
            float* target = out + (p + q) * Width + First;
            if constexpr (rows == kLanes || reaches) {
                store(target, columns[q]);
            } else {
                store_part(target, columns[q], rows);
            }
        }
    }
    for (; p < depth; p++) {
        for (int i = First; i < First + rows; i++) out[p * Width + i] = to_float(x[i * ld + p]);
    }
    if constexpr (First + rows < Width) pack_stored_rows<Width, First + rows>(x, ld, depth, out);
}

// (depth, Width) from Width stored columns of x, for each of `panels`, side by side in x and one after the other in out. A few rows
// of x at a time go to each panel: the rows of x, like the panels, may lie on pages of their own.
template <int Width, class T>
inline void pack_stored_columns(const T* x, int64_t ld, int64_t panels, int64_t depth, float* out) {
    constexpr int64_t kRowsTogether = 8;
    // A vector that reaches into the next panel, or row, reads what is there, and is written over.
    constexpr int64_t reach = (kLanes - Width % kLanes) % kLanes;
    const int64_t vectors = reach == 0 ? depth : reach <= ld ? depth - 1 : 0;
    for (int64_t first = 0; first < depth; first += kRowsTogether) {
        for (int64_t panel = 0; panel < panels; panel++) {
            int64_t p = first;
            for (; p < std::min(vectors, first + kRowsTogether); p++) {
#pragma GCC unroll 4
                for (int i = 0; i < Width; i += kLanes) store(out + (panel * depth + p) * Width + i, load(x + p * ld + panel * Width + i));
            }
            for (; p < std::min(depth, first + kRowsTogether); p++) {
                for (int i = 0; i < Width; i++) out[(panel * depth + p) * Width + i] = to_float(x[p * ld + panel * Width + i]);
            }
        }
    }
}

// Panels (depth, Width), one after the other, from `count` indices of the dimension that is not k, widened to f32, zeros beyond
// count. Indices are stored rows of x, or, where they are not `along_rows`, stored columns.
template <int Width, class T>
inline void pack_panels(const T* x, int64_t ld, bool along_rows, int64_t count, int64_t depth, float* out) {
    const int64_t whole = count / Width;
    constexpr int64_t together = 192 / Width;  // panels that columns go to at a time: more streams than that are slow to write
    for (int64_t panel = 0; panel < whole; panel += along_rows ? 1 : together) {
        if (along_rows) {
            pack_stored_rows<Width, 0>(x + panel * Width * ld, ld, depth, out + panel * Width * depth);
        } else {
            pack_stored_columns<Width>(x + panel * Width, ld, std::min(together, whole - panel), depth, out + panel * Width * depth);
        }
    }
    if (whole * Width == count) return;
    const int64_t index_step = along_rows ? ld : 1, depth_step = along_rows ? 1 : ld;
    for (int64_t p = 0; p < depth; p++) {
        for (int64_t i = whole * Width; i < (whole + 1) * Width; i++) {
            out[whole * Width * depth + p * Width + i - whole * Width] = i < count ? to_float(x[i * index_step + p * depth_step]) : 0.0f;
        }
    }
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
