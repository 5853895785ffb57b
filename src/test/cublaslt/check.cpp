// Compiles where NVIDIA's cublasLt.h is found: what src/main/cuda/cublaslt.h declares is what the real header declares.
#include <cublasLt.h>

#include "../alike.h"
#include "cublaslt.h"

namespace {

using namespace apo::cuda;

static_assert(lt::kSuccess == CUBLAS_STATUS_SUCCESS, "status");
static_assert(lt::kCompute32f == CUBLAS_COMPUTE_32F, "compute type");
static_assert(lt::kReal32f == CUDA_R_32F && lt::kReal16bf == CUDA_R_16BF, "element types");
static_assert(lt::kOpN == CUBLAS_OP_N && lt::kOpT == CUBLAS_OP_T, "operations");
static_assert(lt::kMatmulDescTransA == CUBLASLT_MATMUL_DESC_TRANSA && lt::kMatmulDescTransB == CUBLASLT_MATMUL_DESC_TRANSB, "transposition");
static_assert(lt::kPreferenceMaxWorkspace == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, "workspace");
static_assert(lt::kPreferenceReductionSchemes == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, "reduction schemes");
static_assert(lt::kReductionComputeType == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, "reduction in the compute type");
static_assert(lt::kPreferenceAlignmentA == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, "alignment of A");
static_assert(lt::kPreferenceAlignmentB == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, "alignment of B");
static_assert(lt::kPreferenceAlignmentC == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, "alignment of C");
static_assert(lt::kPreferenceAlignmentD == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, "alignment of D");
static_assert(sizeof(lt::Algorithm) == sizeof(cublasLtMatmulAlgo_t), "algorithm");
static_assert(sizeof(lt::HeuristicResult) == sizeof(cublasLtMatmulHeuristicResult_t), "heuristic result");
static_assert(offsetof(lt::HeuristicResult, workspace_bytes) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize), "workspace size");
static_assert(offsetof(lt::HeuristicResult, algorithm) == offsetof(cublasLtMatmulHeuristicResult_t, algo), "algorithm of a result");
static_assert(offsetof(lt::HeuristicResult, state) == offsetof(cublasLtMatmulHeuristicResult_t, state), "state");

#define APO_ALIKE(ours, theirs) static_assert(Alike<decltype(lt::Functions::ours), decltype(&theirs)>::value, #theirs)
APO_ALIKE(create, cublasLtCreate);
APO_ALIKE(destroy, cublasLtDestroy);
APO_ALIKE(get_version, cublasLtGetVersion);
APO_ALIKE(get_status_string, cublasLtGetStatusString);
APO_ALIKE(matmul_desc_create, cublasLtMatmulDescCreate);
APO_ALIKE(matmul_desc_destroy, cublasLtMatmulDescDestroy);
APO_ALIKE(matmul_desc_set_attribute, cublasLtMatmulDescSetAttribute);
APO_ALIKE(matrix_layout_create, cublasLtMatrixLayoutCreate);
APO_ALIKE(matrix_layout_destroy, cublasLtMatrixLayoutDestroy);
APO_ALIKE(preference_create, cublasLtMatmulPreferenceCreate);
APO_ALIKE(preference_destroy, cublasLtMatmulPreferenceDestroy);
APO_ALIKE(preference_set_attribute, cublasLtMatmulPreferenceSetAttribute);
APO_ALIKE(get_heuristic, cublasLtMatmulAlgoGetHeuristic);
APO_ALIKE(algo_check, cublasLtMatmulAlgoCheck);
APO_ALIKE(matmul, cublasLtMatmul);

}  // namespace
