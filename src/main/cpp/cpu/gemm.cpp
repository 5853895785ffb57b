// gemm: f32 goes to oneDNN as it is, bf16 too where the hardware multiplies it. Elsewhere panels of bf16 are widened to f32
// first; the products are then exact in f32, and the widening is a small share of the work. Few rows have products of their own.
#include <algorithm>
#include <cstring>

#include "family.h"
#include "few_rows.h"
#include "matmul.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

constexpr int64_t kPanelElements = int64_t(4) << 20;  // of a widened panel: 16 MiB
constexpr int64_t kFewRows = 64;                      // up to here our own product is taken, or the transposed one
constexpr int64_t kTransposedFloats = 1 << 18;        // of C^T at a time: 1 MiB, for the second-level cache
constexpr int64_t kColumns = 32;                      // of C^T's rows that are turned together, from the first-level cache

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
Panel panel(Device& device, const Operand& x, int64_t begin, int64_t end, int64_t k, float* room) {
    if (x.dtype == DType::f32) return {static_cast<const float*>(x.at(begin)), x.ld};
    const auto* data = static_cast<const bf16*>(x.at(begin));
    const int64_t rows = x.along_rows ? end - begin : k, columns = x.along_rows ? k : end - begin;
    parallel_ranges(device, rows, 1 + 8192 / columns,
                    [&](int64_t first, int64_t last) { widen(data, x.ld, first, last, columns, room); });
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

void many_rows(Device& device, const Gemm& op, const Operand& a, const Operand& b) {
    const int64_t block = std::max<int64_t>(64, kPanelElements / op.k);
    const int64_t m_block = std::min(block, op.m), n_block = std::min(block, op.n);
    // Room for what is not f32 already.
    const int64_t a_floats = a.dtype == DType::f32 ? 0 : m_block * op.k, b_floats = b.dtype == DType::f32 ? 0 : n_block * op.k;
    const int64_t c_floats = op.c_type == DType::f32 ? 0 : m_block * n_block;
    float* a_room = cpu(device).shared_floats(size_t(a_floats + b_floats + c_floats));
    float* b_room = a_room + a_floats;
    float* c_room = b_room + b_floats;
    for (int64_t n0 = 0; n0 < op.n; n0 += n_block) {
        const int64_t n = std::min(n_block, op.n - n0);
        const Panel columns = panel(device, b, n0, n0 + n, op.k, b_room);
        for (int64_t m0 = 0; m0 < op.m; m0 += m_block) {
            const int64_t m = std::min(m_block, op.m - m0);
            multiply(op, m0, m, n0, n, panel(device, a, m0, m0 + m, op.k, a_room), columns, c_room);
            if (op.c_type == DType::f32) continue;
            parallel_ranges(device, m, 16, [&](int64_t begin, int64_t end) {
                narrow(c_room + begin * n, end - begin, n, op.beta != 0,
                       static_cast<bf16*>(op.c) + (m0 + begin) * op.ldc + n0, op.ldc);
            });
        }
    }
}

// C(:, first ..) = or += c^T, c(n,m).
template <class T>
void turn(Device& device, const Gemm& op, int64_t first, int64_t n, const float* c) {
    T* target = static_cast<T*>(op.c) + first;
    parallel_ranges(device, (n + kColumns - 1) / kColumns, 1 + 16384 / (kColumns * op.m), [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; block++) {
            const int64_t j0 = block * kColumns, j1 = std::min(n, j0 + kColumns);
            for (int64_t i = 0; i < op.m; i++) {
                T* row = target + i * op.ldc;
                for (int64_t j = j0; j < j1; j++) row[j] = from_float<T>(c[j * op.m + i] + (op.beta != 0 ? to_float(row[j]) : 0.0f));
            }
        }
    });
}

// Few rows of bf16 with tile instructions (AMX), as C^T = B A^T: the library reads its first operand where it lies and packs the
// second, and so packs the few rows and not the weights: about 1.5 times as fast.
void transposed(Device& device, const Gemm& op) {
    const int64_t n_block = std::min(op.n, std::max<int64_t>(64, kTransposedFloats / op.m));
    float* c = cpu(device).shared_floats(size_t(n_block * op.m));
    for (int64_t n0 = 0; n0 < op.n; n0 += n_block) {
        Gemm part{};
        part.m = std::min(n_block, op.n - n0), part.n = op.m, part.k = op.k;
        part.transpose_b = true;
        part.a_type = part.b_type = DType::bf16, part.c_type = DType::f32;
        part.a = static_cast<const bf16*>(op.b) + n0 * op.ldb, part.lda = op.ldb;
        part.b = op.a, part.ldb = op.lda;
        part.c = c, part.ldc = op.m;
        bf16_gemm(part);
        with_type(op.c_type, [&](auto tag) { turn<decltype(tag)>(device, op, n0, part.m, c); });
    }
}

}  // namespace

void gemm(Device& device, const Gemm& op) {
    if (op.m == 0 || op.n == 0) return;
    ThreadScope scope(device);
    const Operand a{op.a_type, op.a, op.lda, !op.transpose_a}, b{op.b_type, op.b, op.ldb, op.transpose_b};
    const bool few = op.m <= kFewRows && op.transpose_b && !op.transpose_a;
    if (few && !(cpu(device).bf16_native && op.b_type == DType::bf16)) {
        few_rows(device, op);
    } else if (few && cpu(device).bf16_tiles && op.a_type == op.b_type) {
        transposed(device, op);
    } else if (op.a_type == DType::f32 && op.b_type == DType::f32) {
        multiply(op, 0, op.m, 0, op.n, panel(device, a, 0, op.m, op.k, nullptr), panel(device, b, 0, op.n, op.k, nullptr),
                 nullptr);
    } else if (cpu(device).bf16_native && op.a_type == op.b_type) {
        bf16_gemm(op);
    } else {
        many_rows(device, op, a, b);
    }
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
