// A product packs its operands into panels in any case, so that its inner loop reads them in order. Widening bf16 to f32 on the
// way costs next to nothing, where it would be a pass over memory of its own before a library's product of f32.
//
// A is packed into panels of kBlockRows rows, B into panels of two vectors of columns, both (depth, width). A thread takes a piece
// of C, some panels of each, whose sums stay in its second-level cache while it goes over k in blocks of kDepth. Every sum
// goes over k in one order, so that a result depends neither on its mates nor on the number of threads.
#include "packed_product.h"

#include <algorithm>

#include "register_block.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

constexpr int kBlockColumns = 2 * kLanes;
constexpr int64_t kTile = kBlockRows * kBlockColumns;
constexpr int64_t kPieceRows = 192 / kBlockRows, kPieceColumns = 8;  // panels of a piece, at most
constexpr int64_t kChunk = 2048;                      // of k that is packed at a time
constexpr int64_t kPacked = int64_t(1) << 21;         // elements of an operand that are packed at a time: 8 MiB

// A stored matrix, seen as op(X): indices of the result's dimension by k.
struct Operand {
    DType dtype;
    const void* data;
    int64_t ld;
    bool along_rows;  // an index of the result's dimension is a stored row
};

// What of the product is packed: a block of C, and a chunk of k.
struct Part {
    int64_t row, rows, column, columns, k, depth;
};

int64_t panels_of(int64_t count, int64_t width) { return (count + width - 1) / width; }

// Indices [begin, begin + count) by [k, k + depth) of x as panels, one after the other.
template <int Width>
void pack(Device& device, const Operand& x, int64_t begin, int64_t count, int64_t k, int64_t depth, float* out) {
    with_type(x.dtype, [&](auto tag) {
        const auto* data = static_cast<const decltype(tag)*>(x.data);
        parallel_ranges(device, panels_of(count, Width), 1 + 16384 / (depth * Width), [&](int64_t first, int64_t last) {
            const int64_t index = begin + first * Width, end = std::min(begin + count, begin + last * Width);
            const auto* source = x.along_rows ? data + index * x.ld + k : data + k * x.ld + index;
            pack_panels<Width>(source, x.ld, x.along_rows, end - index, depth, out + first * Width * depth);
        });
    });
}

// row(columns) = or += tiles' row, of which each has kBlockColumns sums.
template <class T>
void write_row(const float* tiles, int64_t columns, bool accumulate, T* row) {
    for (int64_t j = 0; j < columns; j += kBlockColumns, tiles += kTile) {
        for_vectors(
            std::min<int64_t>(kBlockColumns, columns - j),
            [&](int64_t i) { store(row + j + i, accumulate ? load(tiles + i) + load(row + j + i) : load(tiles + i)); },
            [&](int64_t i, int n) {
                const vf v = load_part(tiles + i, n);
                store_part(row + j + i, accumulate ? v + load_part(row + j + i, n) : v, n);
            });
    }
}

// c(rows, columns; stride ld) = or += A B of the panels a and b, with room for the sums.
template <class T>
void multiply_piece(const float* a, const float* b, int64_t rows, int64_t columns, int64_t depth, bool accumulate, T* c, int64_t ld, float* sums) {
    const int64_t across = panels_of(columns, kBlockColumns);
    for (int64_t k = 0; k < depth; k += kDepth) {
        const int64_t step = std::min(kDepth, depth - k);
        const bool last = k + step == depth;
        // What is far away: the next panel of A, and C.
        auto needed_next = [&](int64_t panel, int64_t row) {
            const bool more = row + kBlockRows < rows;
            if (panel == 0 && more) return Ahead{reinterpret_cast<const char*>(a + (row + kBlockRows) * depth + k * kBlockRows), step * 4, 4, step};
            if (panel == across - 1 && last && more) return Ahead{reinterpret_cast<const char*>(c + row * ld), ld * int64_t(sizeof(T)), int64_t(sizeof(T)), columns};
            return Ahead{};
        };
        for (int64_t row = 0; row < rows; row += kBlockRows) {
            const float* weights = a + row * depth + k * kBlockRows;
            float* tiles = sums + row * across * kBlockColumns;
            for (int64_t panel = 0; panel < across; panel++) {
                multiply_block<kBlockRows, 2>([=](int i, int64_t p) { return weights[p * kBlockRows + i]; },
                                              b + (panel * depth + k) * kBlockColumns, step, k == 0,
                                              needed_next(panel, row), tiles + panel * kTile);
            }
            for (int64_t i = row; last && i < std::min(rows, row + kBlockRows); i++) {
                write_row(tiles + (i - row) * kBlockColumns, columns, accumulate, c + i * ld);
            }
        }
    }
}

// The part's c(rows, columns; stride ld) = or += A B, both packed.
template <class T>
void multiply_part(Device& device, const Part& part, const float* a, const float* b, bool accumulate, T* c, int64_t ld) {
    const int64_t row_panels = panels_of(part.rows, kBlockRows), column_pieces = panels_of(part.columns, kPieceColumns * kBlockColumns);
    // Small products have small pieces, for all threads to have some.
    const int64_t step = kBlockRows * std::clamp<int64_t>(row_panels * column_pieces / (4 * cpu(device).threads), 1, kPieceRows);
    const int64_t row_pieces = panels_of(part.rows, step);
    cpu(device).reserve_private(size_t(kPieceRows * kPieceColumns * kTile) * sizeof(float));
    parallel_items(device, row_pieces * column_pieces, [&](int64_t piece) {
        const int64_t row = piece % row_pieces * step, column = piece / row_pieces * kPieceColumns * kBlockColumns;
        multiply_piece(a + row * part.depth, b + column * part.depth, std::min(step, part.rows - row),
                       std::min(kPieceColumns * kBlockColumns, part.columns - column), part.depth, accumulate, c + row * ld + column, ld,
                       cpu(device).private_floats(omp_get_thread_num()));
    });
}

}  // namespace

void packed_product(Device& device, const Gemm& op) {
    const Operand a{op.a_type, op.a, op.lda, !op.transpose_a}, b{op.b_type, op.b, op.ldb, op.transpose_b};
    const int64_t chunk = std::min(kChunk, op.k), limit = kPacked / chunk;
    const int64_t row_block = std::min(op.m, limit / kBlockRows * kBlockRows), column_block = std::min(op.n, limit / kBlockColumns * kBlockColumns);
    const int64_t a_floats = panels_of(panels_of(row_block, kBlockRows) * kBlockRows * chunk, 16) * 16, b_floats = panels_of(column_block, kBlockColumns) * kBlockColumns * chunk;
    // A bf16 result is rounded once: with several chunks of k its sums are kept in f32.
    const bool rounds_later = op.c_type == DType::bf16 && op.k > chunk;
    float* a_panels = cpu(device).shared_floats(size_t(a_floats + b_floats + (rounds_later ? row_block * column_block : 0)));
    float* b_panels = a_panels + a_floats;
    float* later = b_panels + b_floats;
    for (int64_t column = 0; column < op.n; column += column_block) {
        for (int64_t row = 0; row < op.m; row += row_block) {
            for (int64_t k = 0; k < op.k; k += chunk) {
                const Part part{row, std::min(row_block, op.m - row), column, std::min(column_block, op.n - column), k, std::min(chunk, op.k - k)};
                pack<kBlockRows>(device, a, row, part.rows, k, part.depth, a_panels);
                if (row == 0 || op.k > chunk) pack<kBlockColumns>(device, b, column, part.columns, k, part.depth, b_panels);
                if (rounds_later) {
                    multiply_part(device, part, a_panels, b_panels, k > 0, later, part.columns);
                } else {
                    with_type(op.c_type, [&](auto tag) {
                        auto* c = static_cast<decltype(tag)*>(op.c) + row * op.ldc + column;
                        multiply_part(device, part, a_panels, b_panels, k > 0 || op.beta != 0, c, op.ldc);
                    });
                }
            }
            if (!rounds_later) continue;
            const int64_t columns = std::min(column_block, op.n - column);
            parallel_ranges(device, std::min(row_block, op.m - row), 16, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; i++) {
                    bf16* target = static_cast<bf16*>(op.c) + (row + i) * op.ldc + column;
                    const float* source = later + i * columns;
                    for_vectors(
                        columns, [&](int64_t j) { store(target + j, op.beta != 0 ? load(source + j) + load(target + j) : load(source + j)); },
                        [&](int64_t j, int n) {
                            const vf v = load_part(source + j, n);
                            store_part(target + j, op.beta != 0 ? v + load_part(target + j, n) : v, n);
                        });
                }
            });
        }
    }
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
