// A stand-in for the library that a GPU has: the functions of cuBLASLt that the backend calls, column-major as the real ones,
// with a plain loop for the product. It reads what was put into the descriptors, and so checks the translation from rows.
#include "cublaslt.h"

#include "launch.h"
#include "vector.h"

namespace apo {
namespace cuda {
namespace lt {

namespace {

constexpr Status kNotInitialized = 1, kInvalidValue = 7, kExecutionFailed = 13, kInternalError = 14;

struct Layout {
    int type;
    int64_t rows, columns, ld;
};

struct Product {
    int transpose[2] = {kOpN, kOpN};
};

struct Limits {
    uint64_t workspace = 0;
    uint32_t alignment[4] = {256, 256, 256, 256};
};

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
__global__ void product_kernel(Operand a, Operand b, Operand c, float beta, void* d) {
    const int64_t column = blockIdx.x;
    for (int64_t row = threadIdx.x; row < c.layout.rows; row += blockDim.x) {
        float sum = 0;
        for (int64_t k = 0; k < a.columns(); k++) sum += a.at(row, k) * b.at(k, column);
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
    if (emulation::machine().context != cudaSuccess) return kNotInitialized;
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
    *preference = new Limits;
    return kSuccess;
}

Status preference_destroy(Preference preference) {
    delete static_cast<Limits*>(preference);
    return kSuccess;
}

Status preference_set_attribute(Preference preference, int attribute, const void* value, size_t bytes) {
    auto* limits = static_cast<Limits*>(preference);
    if (attribute == kPreferenceMaxWorkspace && bytes == sizeof limits->workspace) {
        std::memcpy(&limits->workspace, value, bytes);
        return kSuccess;
    }
    if (attribute < kPreferenceAlignmentA || attribute > kPreferenceAlignmentD || bytes != sizeof(uint32_t)) return kInvalidValue;
    std::memcpy(&limits->alignment[attribute - kPreferenceAlignmentA], value, bytes);
    return kSuccess;
}

// The algorithm carries the alignments that it was asked for, for matmul to check. As CUDA 13.3's, it answers nothing while a
// stream captures.
Status get_heuristic(Handle, MatmulDesc, MatrixLayout, MatrixLayout, MatrixLayout, MatrixLayout, Preference preference, int wanted,
                     HeuristicResult* results, int* found) {
    if (emulation::captures()) return kInternalError;
    const auto* limits = static_cast<const Limits*>(preference);
    *found = wanted > 0 ? 1 : 0;
    results[0] = {};
    for (int i = 0; i < 4; i++) results[0].algorithm.data[i] = limits->alignment[i];
    results[0].workspace_bytes = size_t(limits->workspace);
    return kSuccess;
}

Status matmul(Handle handle, MatmulDesc desc, const void* alpha, const void* a, MatrixLayout a_layout, const void* b, MatrixLayout b_layout,
              const void* beta, const void* c, MatrixLayout c_layout, void* d, MatrixLayout d_layout, const Algorithm* algorithm,
              void* workspace, size_t workspace_bytes, void* stream_address) {
    if (*static_cast<uint64_t*>(handle) != emulation::context()) return kNotInitialized;
    const auto stream = static_cast<cudaStream_t>(stream_address);
    const auto* product = static_cast<const Product*>(desc);
    const Operand first{a, *static_cast<Layout*>(a_layout), product->transpose[0] == kOpT};
    const Operand second{b, *static_cast<Layout*>(b_layout), product->transpose[1] == kOpT};
    const Operand third{c, *static_cast<Layout*>(c_layout), false};
    const void* addresses[4] = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
        if (reinterpret_cast<uintptr_t>(addresses[i]) % algorithm->data[i] != 0) return kInvalidValue;
    }
    if (*static_cast<const float*>(alpha) != 1 || c_layout != d_layout || first.columns() != second.rows() ||
        first.rows() != third.layout.rows || second.columns() != third.layout.columns) {
        return kInvalidValue;
    }
    if (emulation::machine().dry) return kSuccess;  // the real library's launches are its own
    emulation::forget(workspace, workspace_bytes < 64 ? workspace_bytes : 64, stream);
    std::tuple<Operand, Operand, Operand, float, void*> values{first, second, third, *static_cast<const float*>(beta), d};
    const cudaError_t status =
        emulation::launch("cublasLtMatmul", __FILE__, __LINE__, product_kernel, values, unsigned(third.layout.columns), 32, 0, stream);
    return status == cudaSuccess ? kSuccess : kExecutionFailed;
}

}  // namespace

const Functions& functions() {
    static const Functions one{create, destroy, get_version, get_status_string, matmul_desc_create, matmul_desc_destroy,
                               matmul_desc_set_attribute, matrix_layout_create, matrix_layout_destroy, preference_create,
                               preference_destroy, preference_set_attribute, get_heuristic, matmul};
    return one;
}

}  // namespace lt
}  // namespace cuda
}  // namespace apo
