// Finds NCCL: what the process has loaded already, and what the system's loader finds.
#include <dlfcn.h>

#include <cstdlib>

#include "error.h"
#include "nccl.h"

namespace apo {
namespace cuda {
namespace nccl {

namespace {

template <class Function>
void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) fail(APO_E_DEVICE, "NCCL has no %s; install NCCL 2.14 or later, or use one rank or --device cpu", name);
}

void* open_library(const std::vector<const char*>& names) {
    for (const char* name : names) {
        if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
    }
    fail(APO_E_DEVICE,
         "libnccl.so.2, which joins the GPUs of several ranks, is not found; install NCCL (apt: libnccl2, pip: nvidia-nccl-cu13) and name its "
         "folder in LD_LIBRARY_PATH, or use one rank or --device cpu");
}

}  // namespace

Functions load(const std::vector<const char*>& names) {
    void* library = open_library(names);
    Functions f{};
    find(library, "ncclGetVersion", f.get_version);
    find(library, "ncclGetErrorString", f.get_error_string);
    find(library, "ncclGetLastError", f.get_last_error);
    find(library, "ncclGetUniqueId", f.get_unique_id);
    find(library, "ncclCommInitRankConfig", f.comm_init_rank_config);
    find(library, "ncclCommGetAsyncError", f.comm_get_async_error);
    find(library, "ncclCommFinalize", f.comm_finalize);
    find(library, "ncclCommDestroy", f.comm_destroy);
    find(library, "ncclCommAbort", f.comm_abort);
    find(library, "ncclReduceScatter", f.reduce_scatter);
    find(library, "ncclAllGather", f.all_gather);
    return f;
}

#if !defined(APO_CUDA_EMULATION)  // whose stand-in is no library
const Functions& functions() {
    static const Functions one = [] {
        // Sums inside of switches (NVLS) differ from call to call (nccl#1497); a ring's have the order of the ring. Read by the
        // library when the first communicator is opened.
        setenv("NCCL_ALGO", "Ring", 0);
        return load({"libnccl.so.2"});
    }();
    return one;
}
#endif

}  // namespace nccl
}  // namespace cuda
}  // namespace apo
