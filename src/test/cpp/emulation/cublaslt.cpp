// A stand-in for the library that a GPU has: the functions of cuBLASLt that the backend calls, column-major as the real ones,
// with a plain loop for the product. It reads what was put into the descriptors, and so checks the translation from rows. Its
// algorithms serve the shape that they were asked for, and another one only after a check.
#include "cublaslt.h"

#include <array>
#include <set>

#include "launch.h"
#include "vector.h"

namespace apo {
namespace cuda {
namespace lt {

namespace {

constexpr Status kNotInitialized = 1, kInvalidValue = 7, kNotSupported = 15, kExecutionFailed = 13, kInternalError = 14;

struct Layout {
    int type;
    int64_t rows, columns, ld;
};

struct Product {
    int transpose[2] = {kOpN, kOpN};
};

struct Preferred {
    uint64_t workspace = 0;
    uint32_t alignment[4] = {256, 256, 256, 256};
    uint32_t reductions = 7;  // all schemes
};

// What an algorithm's words hold.
struct Chosen {
    uint32_t alignment[4];
    int64_t rows, columns, inner;
    bool rounds_parts;  // of a sum, to the output's type
};
static_assert(sizeof(Chosen) <= sizeof(Algorithm), "it fits");

Chosen chosen(const Algorithm& algorithm) {
    Chosen c;
    std::memcpy(&c, algorithm.data, sizeof c);
    return c;
}

// Shapes that were checked for an algorithm of another: rows, columns, inner, as asked for and as checked.
std::set<std::array<int64_t, 6>>& checked_shapes() {
    static std::set<std::array<int64_t, 6>> all;
    return all;
}

struct Operand {
    const void* data;
    Layout layout;
    bool transposed;

    int64_t rows() const { return transposed ? layout.columns : layout.rows; }
    int64_t columns() const { return transposed ? layout.rows : layout.columns; }
    float at(int64_t row, int64_t column) const {
        const int64_t i = transposed ? row * layout.ld + column : column * layout.ld + row;
        return layout.type == kReal32f ? static_cast<const float*>(data)[i] : to_float(static_cast<const bf16*>(data)[i]);
    }
};

// A block has a column of D. It is a kernel for the work to be in the stream's order.
__global__ void product_kernel(Operand a, Operand b, Operand c, float beta, void* d, bool rounds_parts) {
    const int64_t column = blockIdx.x, half = a.columns() / 2;
    for (int64_t row = threadIdx.x; row < c.layout.rows; row += blockDim.x) {
        float sum = 0;
        for (int64_t k = 0; k < half; k++) sum += a.at(row, k) * b.at(k, column);
        if (rounds_parts && c.layout.type == kReal16bf) sum = to_float(from_float<bf16>(sum));
        for (int64_t k = half; k < a.columns(); k++) sum += a.at(row, k) * b.at(k, column);
        if (beta != 0) sum += beta * c.at(row, column);
        const int64_t i = column * c.layout.ld + row;
        if (c.layout.type == kReal32f) {
            static_cast<float*>(d)[i] = sum;
        } else {
            static_cast<bf16*>(d)[i] = from_float<bf16>(sum);
        }
    }
}

// A handle knows its context.
Status create(Handle* handle) {
    const emulation::Turn turn;
    if (emulation::fault_of_context() != cudaSuccess) return kNotInitialized;
    *handle = new uint64_t(emulation::context());
    return kSuccess;
}

Status destroy(Handle handle) {
    delete static_cast<uint64_t*>(handle);
    return kSuccess;
}

size_t get_version() { return 130002; }

const char* get_status_string(Status) { return "an error of the emulated library"; }

Status matmul_desc_create(MatmulDesc* desc, int compute_type, int scale_type) {
    if (compute_type != kCompute32f || scale_type != kReal32f) return kInvalidValue;
    *desc = new Product;
    return kSuccess;
}

Status matmul_desc_destroy(MatmulDesc desc) {
    delete static_cast<Product*>(desc);
    return kSuccess;
}

Status matmul_desc_set_attribute(MatmulDesc desc, int attribute, const void* value, size_t bytes) {
    if (bytes != sizeof(int) || (attribute != kMatmulDescTransA && attribute != kMatmulDescTransB)) return kInvalidValue;
    static_cast<Product*>(desc)->transpose[attribute - kMatmulDescTransA] = *static_cast<const int*>(value);
    return kSuccess;
}

Status matrix_layout_create(MatrixLayout* layout, int type, uint64_t rows, uint64_t columns, int64_t ld) {
    if (ld < int64_t(rows)) return kInvalidValue;
    *layout = new Layout{type, int64_t(rows), int64_t(columns), ld};
    return kSuccess;
}

Status matrix_layout_destroy(MatrixLayout layout) {
    delete static_cast<Layout*>(layout);
    return kSuccess;
}

Status preference_create(Preference* preference) {
    *preference = new Preferred;
    return kSuccess;
}

Status preference_destroy(Preference preference) {
    delete static_cast<Preferred*>(preference);
    return kSuccess;
}

Status preference_set_attribute(Preference preference, int attribute, const void* value, size_t bytes) {
    auto* preferred = static_cast<Preferred*>(preference);
    if (attribute == kPreferenceMaxWorkspace && bytes == sizeof preferred->workspace) {
        std::memcpy(&preferred->workspace, value, bytes);
        return kSuccess;
    }
    if (attribute == kPreferenceReductionSchemes && bytes == sizeof preferred->reductions) {
        std::memcpy(&preferred->reductions, value, bytes);
        return kSuccess;
    }
    if (attribute < kPreferenceAlignmentA || attribute > kPreferenceAlignmentD || bytes != sizeof(uint32_t)) return kInvalidValue;
    std::memcpy(&preferred->alignment[attribute - kPreferenceAlignmentA], value, bytes);
    return kSuccess;
}

struct Sizes {
    int64_t rows, columns, inner;
};

Sizes sizes_of(MatmulDesc desc, MatrixLayout a, MatrixLayout d) {
    const auto* left = static_cast<const Layout*>(a);
    const auto* out = static_cast<const Layout*>(d);
    return {out->rows, out->columns, static_cast<const Product*>(desc)->transpose[0] == kOpT ? left->rows : left->columns};
}

// The first answer serves nothing; the second carries what it was asked for, for matmul to check. As CUDA 13.3's, it answers
// nothing while a stream captures.
Status get_heuristic(Handle, MatmulDesc desc, MatrixLayout a, MatrixLayout, MatrixLayout, MatrixLayout d, Preference preference, int wanted,
                     HeuristicResult* results, int* found) {
    const emulation::Turn turn;
    if (emulation::captures()) return kInternalError;
    emulation::heuristics()++;
    const auto* preferred = static_cast<const Preferred*>(preference);
    *found = wanted < 2 ? wanted : 2;
    for (int i = 0; i < *found; i++) results[i] = {};
    results[0].state = kNotSupported;
    if (*found < 2) return kSuccess;
    const Sizes sizes = sizes_of(desc, a, d);
    Chosen c{{}, sizes.rows, sizes.columns, sizes.inner, preferred->reductions != kReductionComputeType};
    std::memcpy(c.alignment, preferred->alignment, sizeof c.alignment);
    std::memcpy(results[1].algorithm.data, &c, sizeof c);
    results[1].workspace_bytes = size_t(preferred->workspace);
    return kSuccess;
}

// Some shapes an algorithm of others does not serve.
Status algo_check(Handle, MatmulDesc desc, MatrixLayout a, MatrixLayout, MatrixLayout, MatrixLayout d, const Algorithm* algorithm,
                  HeuristicResult* result) {
    const emulation::Turn turn;
    const Chosen c = chosen(*algorithm);
    const Sizes sizes = sizes_of(desc, a, d);
    if (sizes.columns % 64 == 1 || sizes.inner % 64 == 1) return kNotSupported;
    checked_shapes().insert({c.rows, c.columns, c.inner, sizes.rows, sizes.columns, sizes.inner});
    *result = {};
    result->workspace_bytes = 4096;
    return kSuccess;
}

Status matmul(Handle handle, MatmulDesc desc, const void* alpha, const void* a, MatrixLayout a_layout, const void* b, MatrixLayout b_layout,
              const void* beta, const void* c, MatrixLayout c_layout, void* d, MatrixLayout d_layout, const Algorithm* algorithm,
              void* workspace, size_t workspace_bytes, void* stream_address) {
    const emulation::Turn turn;
    if (*static_cast<uint64_t*>(handle) != emulation::context()) return kNotInitialized;
    const auto stream = static_cast<cudaStream_t>(stream_address);
    const auto* product = static_cast<const Product*>(desc);
    const Operand first{a, *static_cast<Layout*>(a_layout), product->transpose[0] == kOpT};
    const Operand second{b, *static_cast<Layout*>(b_layout), product->transpose[1] == kOpT};
    const Operand third{c, *static_cast<Layout*>(c_layout), false};
    const Chosen choice = chosen(*algorithm);
    const void* addresses[4] = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
        if (reinterpret_cast<uintptr_t>(addresses[i]) % choice.alignment[i] != 0) return kInvalidValue;
    }
    const Sizes sizes = sizes_of(desc, a_layout, d_layout);
    const bool own = sizes.rows == choice.rows && sizes.columns == choice.columns && sizes.inner == choice.inner;
    if (!own && checked_shapes().count({choice.rows, choice.columns, choice.inner, sizes.rows, sizes.columns, sizes.inner}) == 0) {
        return kInvalidValue;
    }
    if (*static_cast<const float*>(alpha) != 1 || c_layout != d_layout || first.columns() != second.rows() ||
        first.rows() != third.layout.rows || second.columns() != third.layout.columns) {
        return kInvalidValue;
    }
    if (emulation::machine().dry) return kSuccess;  // the real library's launches are its own
    emulation::forget(workspace, workspace_bytes < 64 ? workspace_bytes : 64, stream);
    std::tuple<Operand, Operand, Operand, float, void*, bool> values{first, second, third, *static_cast<const float*>(beta), d, choice.rounds_parts};
    const cudaError_t status =
        emulation::launch("cublasLtMatmul", __FILE__, __LINE__, product_kernel, values, unsigned(third.layout.columns), 32, 0, stream);
    return status == cudaSuccess ? kSuccess : kExecutionFailed;
}

}  // namespace

const Functions& functions() {
    static const Functions one{create, destroy, get_version, get_status_string, matmul_desc_create, matmul_desc_destroy,
                               matmul_desc_set_attribute, matrix_layout_create, matrix_layout_destroy, preference_create,
                               preference_destroy, preference_set_attribute, get_heuristic, algo_check, matmul};
    return one;
}

}  // namespace lt
}  // namespace cuda
}  // namespace apo

int64_t& emulation::heuristics() {
    static int64_t calls = 0;
    return calls;
}
