// The part of cuBLASLt that the backend uses, declared here so that neither building nor loading it needs the library: it is
// opened at run time. Names and values are those of NVIDIA's cublasLt.h, cublas_api.h and library_types.h (12 and 13);
// src/test/cublaslt/check.cpp compares them with the real headers wherever they are found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace apo {
namespace cuda {
namespace lt {

using Status = int;
using Handle = void*;
using MatmulDesc = void*;
using MatrixLayout = void*;
using Preference = void*;

constexpr Status kSuccess = 0;
constexpr int kCompute32f = 68;  // f32 products in f32, without TF32
constexpr int kReal32f = 0, kReal16bf = 14;
constexpr int kOpN = 0, kOpT = 1;
constexpr int kMatmulDescTransA = 3, kMatmulDescTransB = 4;
constexpr int kPreferenceMaxWorkspace = 1, kPreferenceReductionSchemes = 3;
constexpr int kPreferenceAlignmentA = 5, kPreferenceAlignmentB = 6, kPreferenceAlignmentC = 7, kPreferenceAlignmentD = 8;

// Parts of a sum that is split are kept in the compute type; other schemes may round them to the output's.
constexpr uint32_t kReductionComputeType = 2;

struct Algorithm {
    uint64_t data[8];
};

struct HeuristicResult {
    Algorithm algorithm;
    size_t workspace_bytes;
    Status state;
    float waves_count;
    int reserved[4];
};

// The library's functions.
struct Functions {
    Status (*create)(Handle* handle);
    Status (*destroy)(Handle handle);
    size_t (*get_version)();
    const char* (*get_status_string)(Status status);
    Status (*matmul_desc_create)(MatmulDesc* desc, int compute_type, int scale_type);
    Status (*matmul_desc_destroy)(MatmulDesc desc);
    Status (*matmul_desc_set_attribute)(MatmulDesc desc, int attribute, const void* value, size_t bytes);
    Status (*matrix_layout_create)(MatrixLayout* layout, int type, uint64_t rows, uint64_t columns, int64_t ld);
    Status (*matrix_layout_destroy)(MatrixLayout layout);
    Status (*preference_create)(Preference* preference);
    Status (*preference_destroy)(Preference preference);
    Status (*preference_set_attribute)(Preference preference, int attribute, const void* value, size_t bytes);
    Status (*get_heuristic)(Handle handle, MatmulDesc desc, MatrixLayout a, MatrixLayout b, MatrixLayout c, MatrixLayout d,
                            Preference preference, int wanted, HeuristicResult* results, int* found);
    Status (*algo_check)(Handle handle, MatmulDesc desc, MatrixLayout a, MatrixLayout b, MatrixLayout c, MatrixLayout d,
                         const Algorithm* algorithm, HeuristicResult* result);
    Status (*matmul)(Handle handle, MatmulDesc desc, const void* alpha, const void* a, MatrixLayout a_layout, const void* b,
                     MatrixLayout b_layout, const void* beta, const void* c, MatrixLayout c_layout, void* d, MatrixLayout d_layout,
                     const Algorithm* algorithm, void* workspace, size_t workspace_bytes, void* stream);
};

// Of the first library of these names that is found. Throws APO_E_DEVICE, with what to install, where there is none or it lacks a
// function.
Functions load(const std::vector<const char*>& names);
// Of this machine's, found at the first call.
const Functions& functions();

}  // namespace lt
}  // namespace cuda
}  // namespace apo
