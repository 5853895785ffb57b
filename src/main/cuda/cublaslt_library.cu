// Finds cuBLASLt: what the process has loaded already (JavaCPP's presets load it from their jar), what the system's loader
// finds, and the toolkit's usual folder.
#include <dlfcn.h>

#include "cublaslt.h"
#include "error.h"

namespace apo {
namespace cuda {
namespace lt {

namespace {

template <class Function>
void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) fail(APO_E_DEVICE, "cuBLASLt has no %s; install cuBLAS 12 or 13, or use --device cpu", name);
}

void* open_library(const std::vector<const char*>& names) {
    for (const char* name : names) {
        if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
    }
    fail(APO_E_DEVICE,
         "libcublasLt.so.13 (or .12) is not found; install cuBLAS (apt: libcublas-13-0, pip: nvidia-cublas) and name its folder in "
         "LD_LIBRARY_PATH, or use --device cpu");
}

}  // namespace

Functions load(const std::vector<const char*>& names) {
    void* library = open_library(names);
    Functions f{};
    find(library, "cublasLtCreate", f.create);
    find(library, "cublasLtDestroy", f.destroy);
    find(library, "cublasLtGetVersion", f.get_version);
    find(library, "cublasLtGetStatusString", f.get_status_string);
    find(library, "cublasLtMatmulDescCreate", f.matmul_desc_create);
    find(library, "cublasLtMatmulDescDestroy", f.matmul_desc_destroy);
    find(library, "cublasLtMatmulDescSetAttribute", f.matmul_desc_set_attribute);
    find(library, "cublasLtMatrixLayoutCreate", f.matrix_layout_create);
    find(library, "cublasLtMatrixLayoutDestroy", f.matrix_layout_destroy);
    find(library, "cublasLtMatmulPreferenceCreate", f.preference_create);
    find(library, "cublasLtMatmulPreferenceDestroy", f.preference_destroy);
    find(library, "cublasLtMatmulPreferenceSetAttribute", f.preference_set_attribute);
    find(library, "cublasLtMatmulAlgoGetHeuristic", f.get_heuristic);
    find(library, "cublasLtMatmulAlgoCheck", f.algo_check);
    find(library, "cublasLtMatmul", f.matmul);
    return f;
}

#if !defined(APO_CUDA_EMULATION)  // whose stand-in is no library
const Functions& functions() {
    static const Functions one = load({"libcublasLt.so.13", "libcublasLt.so.12", "/usr/local/cuda/lib64/libcublasLt.so.13",
                                       "/usr/local/cuda/lib64/libcublasLt.so.12"});
    return one;
}
#endif

}  // namespace lt
}  // namespace cuda
}  // namespace apo
