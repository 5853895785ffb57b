// gemm: f32 goes to oneDNN as it is, bf16 too where the hardware multiplies it. Elsewhere panels of bf16 are widened to f32
// first; the products are then exact in f32, and the widening is a small share of the work but for few rows.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "family.h"
#include "matmul.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

constexpr int64_t kPanelElements = int64_t(4) << 20;  // of a widened panel: 16 MiB
constexpr int64_t kFewRows = 64;                      // up to here the transposed product is taken
constexpr int64_t kLeastPiece = 48;                   // rows of weights: fewer would cost more in packing A again
constexpr int64_t kPieceElements = 48 << 10;          // of widened weights: 192 KiB, for a core's second-level cache

// A stored matrix, seen as op(X): `rows` of the result's dimension by k.
struct Operand {
    DType dtype;
    const void* data;
    int64_t ld;
    bool along_rows;  // an index of the result's dimension is a stored row

    const void* at(int64_t index) const {
        return static_cast<const char*>(data) + index * (along_rows ? ld : 1) * int64_t(bytes_of(dtype));
    }
};

// Widens stored rows [0, rows) x columns [0, columns) of bf16 to dense f32.
void widen(const bf16* x, int64_t ld, int64_t begin, int64_t end, int64_t columns, float* out) {
    for (int64_t r = begin; r < end; r++) {
        const bf16* source = x + r * ld;
        float* target = out + r * columns;
        for_vectors(
            columns, [&](int64_t j) { store(target + j, load(source + j)); },
            [&](int64_t j, int n) { store_part(target + j, load_part(source + j, n), n); });
    }
}

struct Panel {
    const float* data;
    int64_t ld;
};

// Indices [begin, end) of the operand in f32: the operand itself, or widened into `room`.
Panel panel(Device* device, const Operand& x, int64_t begin, int64_t end, int64_t k, float* room) {
    if (x.dtype == DType::f32) return {static_cast<const float*>(x.at(begin)), x.ld};
    const auto* data = static_cast<const bf16*>(x.at(begin));
    const int64_t rows = x.along_rows ? end - begin : k, columns = x.along_rows ? k : end - begin;
    if (device == nullptr) {
        widen(data, x.ld, 0, rows, columns, room);
    } else {
        parallel_ranges(*device, rows, 1 + 8192 / columns,
                        [&](int64_t first, int64_t last) { widen(data, x.ld, first, last, columns, room); });
    }
    return {room, columns};
}

void narrow(const float* x, int64_t rows, int64_t columns, bool accumulate, bf16* out, int64_t ld) {
    for (int64_t r = 0; r < rows; r++) {
        const float* source = x + r * columns;
        bf16* target = out + r * ld;
        for_vectors(
            columns, [&](int64_t j) { store(target + j, accumulate ? load(source + j) + load(target + j) : load(source + j)); },
            [&](int64_t j, int n) {
                const vf v = load_part(source + j, n);
                store_part(target + j, accumulate ? v + load_part(target + j, n) : v, n);
            });
    }
}

// A block of the product; c_room holds it in f32 where C is bf16.
void multiply(const Gemm& op, int64_t m0, int64_t m, int64_t n0, int64_t n, Panel a, Panel b, float* c_room) {
    if (op.c_type == DType::f32) {
        sgemm(op.transpose_a, op.transpose_b, m, n, op.k, 1, a.data, a.ld, b.data, b.ld, op.beta,
              static_cast<float*>(op.c) + m0 * op.ldc + n0, op.ldc);
    } else {
        sgemm(op.transpose_a, op.transpose_b, m, n, op.k, 1, a.data, a.ld, b.data, b.ld, 0, c_room, n);
    }
}

typedef float Four __attribute__((vector_size(16)));
typedef int32_t FourIndices __attribute__((vector_size(16)));

inline Four load_four(const float* x) {
    Four v;
    std::memcpy(&v, x, sizeof v);
    return v;
}

// Transposes four rows of four, `ld` apart, into rows.
inline void transpose_four(const float* x, int64_t ld, Four rows[4]) {
    const FourIndices low{0, 4, 1, 5}, high{2, 6, 3, 7}, first{0, 1, 4, 5}, second{2, 3, 6, 7};
    const Four a = load_four(x), b = load_four(x + ld), c = load_four(x + 2 * ld), d = load_four(x + 3 * ld);
    const Four ab0 = __builtin_shuffle(a, b, low), ab1 = __builtin_shuffle(a, b, high);
    const Four cd0 = __builtin_shuffle(c, d, low), cd1 = __builtin_shuffle(c, d, high);
    rows[0] = __builtin_shuffle(ab0, cd0, first), rows[1] = __builtin_shuffle(ab0, cd0, second);
    rows[2] = __builtin_shuffle(ab1, cd1, first), rows[3] = __builtin_shuffle(ab1, cd1, second);
}

// C rows x n from its transpose, in tiles that a core's first-level cache holds.
template <class T>
void write_transposed(const float* x, int64_t n, int64_t rows, bool accumulate, T* c, int64_t ldc) {
    constexpr int64_t tile = 64;
    auto put = [&](int64_t i, int64_t j, float value) {
        T& target = c[i * ldc + j];
        target = from_float<T>(accumulate ? value + to_float(target) : value);
    };
    for (int64_t begin = 0; begin < n; begin += tile) {
        const int64_t end = std::min(n, begin + tile), fours_end = begin + (end - begin) / 4 * 4;
        int64_t i = 0;
        for (; i + 4 <= rows; i += 4) {
            for (int64_t j = begin; j < fours_end; j += 4) {
                Four block[4];
                transpose_four(x + j * rows + i, rows, block);
                for (int r = 0; r < 4; r++) {
                    for (int q = 0; q < 4; q++) put(i + r, j + q, block[r][q]);
                }
            }
            for (int64_t j = fours_end; j < end; j++) {
                for (int r = 0; r < 4; r++) put(i + r, j, x[j * rows + i + r]);
            }
        }
        for (; i < rows; i++) {
            for (int64_t j = begin; j < end; j++) put(i, j, x[j * rows + i]);
        }
    }
}

// A few rows against stored rows of weights, as in decoding: C^T = B A^T, for the library is faster where the large dimension
// comes first. Threads take ever smaller pieces of the weights, so that they end together; bf16 in pieces that stay in a core's
// cache while they are widened and used. Where pieces begin depends on the shape alone, and with it every bit of the result.
void few_rows(Device& device, const Gemm& op, const Operand& a, const Operand& b) {
    const bool is_f32 = b.dtype == DType::f32;
    const int64_t largest = is_f32 ? op.n : std::max<int64_t>(16, kPieceElements / op.k);
    auto piece_at = [&](int64_t begin) {
        const int64_t share = std::min(largest, std::max(kLeastPiece, (op.n - begin) / (2 * device.threads)));
        return std::min(op.n - begin, (share + 15) / 16 * 16);
    };
    const int64_t room = piece_at(0);
    device.reserve_private(size_t(room) * size_t((is_f32 ? 0 : op.k) + op.m) * sizeof(float));
    const Panel rows = panel(&device, a, 0, op.m, op.k, device.shared_floats(size_t(op.m * op.k)));
    std::atomic<int64_t> next{0};
    parallel_items(device, device.threads, [&](int64_t) {
        float* c_room = device.private_floats(omp_get_thread_num());
        for (int64_t n0 = next; n0 < op.n;) {
            const int64_t n = piece_at(n0);
            if (!next.compare_exchange_weak(n0, n0 + n)) continue;
            const Panel weights = panel(nullptr, b, n0, n0 + n, op.k, c_room + room * op.m);
            sgemm(false, true, n, op.m, op.k, 1, weights.data, weights.ld, rows.data, rows.ld, 0, c_room, op.m);
            if (op.c_type == DType::f32) {
                write_transposed(c_room, n, op.m, op.beta != 0, static_cast<float*>(op.c) + n0, op.ldc);
            } else {
                write_transposed(c_room, n, op.m, op.beta != 0, static_cast<bf16*>(op.c) + n0, op.ldc);
            }
            n0 = next;
        }
    });
}

void many_rows(Device& device, const Gemm& op, const Operand& a, const Operand& b) {
    const int64_t block = std::max<int64_t>(64, kPanelElements / op.k);
    const int64_t m_block = std::min(block, op.m), n_block = std::min(block, op.n);
    // Room for what is not f32 already.
    const int64_t a_floats = a.dtype == DType::f32 ? 0 : m_block * op.k, b_floats = b.dtype == DType::f32 ? 0 : n_block * op.k;
    const int64_t c_floats = op.c_type == DType::f32 ? 0 : m_block * n_block;
    float* a_room = device.shared_floats(size_t(a_floats + b_floats + c_floats));
    float* b_room = a_room + a_floats;
    float* c_room = b_room + b_floats;
    for (int64_t n0 = 0; n0 < op.n; n0 += n_block) {
        const int64_t n = std::min(n_block, op.n - n0);
        const Panel columns = panel(&device, b, n0, n0 + n, op.k, b_room);
        for (int64_t m0 = 0; m0 < op.m; m0 += m_block) {
            const int64_t m = std::min(m_block, op.m - m0);
            multiply(op, m0, m, n0, n, panel(&device, a, m0, m0 + m, op.k, a_room), columns, c_room);
            if (op.c_type == DType::f32) continue;
            parallel_ranges(device, m, 16, [&](int64_t begin, int64_t end) {
                narrow(c_room + begin * n, end - begin, n, op.beta != 0,
                       static_cast<bf16*>(op.c) + (m0 + begin) * op.ldc + n0, op.ldc);
            });
        }
    }
}

}  // namespace

void gemm(Device& device, const Gemm& op) {
    ThreadScope scope(device);
    const Operand a{op.a_type, op.a, op.lda, !op.transpose_a}, b{op.b_type, op.b, op.ldb, op.transpose_b};
    const bool few = op.m <= kFewRows && op.transpose_b && !op.transpose_a;
    if (few && !(device.bf16_native && op.b_type == DType::bf16)) {
        few_rows(device, op, a, b);
    } else if (op.a_type == DType::f32 && op.b_type == DType::f32) {
        multiply(op, 0, op.m, 0, op.n, panel(&device, a, 0, op.m, op.k, nullptr), panel(&device, b, 0, op.n, op.k, nullptr),
                 nullptr);
    } else if (device.bf16_native && op.a_type == op.b_type) {
        bf16_gemm(op);
    } else {
        many_rows(device, op, a, b);
    }
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
