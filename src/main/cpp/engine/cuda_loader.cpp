#include "cuda_loader.h"

#include <dlfcn.h>

#include <cstring>

#include "error.h"
#include "own_folder.h"

namespace apo {

const OpTable& load_cuda_ops(const std::string& path) {
    // It stays loaded: a backend's kernels and their context cannot be taken back from a process.
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* why = dlerror();
        fail(APO_E_DEVICE, "no CUDA backend: %s; build metaapo on a machine with nvcc (CUDA 12.8 or later) and an NVIDIA driver, or use --device cpu",
             why == nullptr ? path.c_str() : why);
    }
    const auto ops = reinterpret_cast<const OpTable* (*)()>(dlsym(library, "apo_cuda_ops"));
    if (ops == nullptr) fail(APO_E_DEVICE, "no CUDA backend: %s has no apo_cuda_ops; build both libraries together, or use --device cpu", path.c_str());
    const OpTable* table = ops();
    check_table(table, path.c_str());
    return *table;
}

void check_table(const OpTable* table, const char* from) {
    if (table->abi_version != kOpsAbiVersion || table->bytes != int32_t(sizeof(OpTable))) {
        fail(APO_E_DEVICE, "%s has op table version %d of %d bytes, this engine %d of %zu; build both libraries together, or use --device cpu", from,
             table->abi_version, table->bytes, kOpsAbiVersion, sizeof(OpTable));
    }
    // Behind the two numbers the table is function pointers alone.
    constexpr size_t first = 2 * sizeof(int32_t), count = (sizeof(OpTable) - first) / sizeof(void*);
    static_assert(first + count * sizeof(void*) == sizeof(OpTable), "the op table is two numbers and pointers");
    for (size_t i = 0; i < count; i++) {
        const void* entry;
        std::memcpy(&entry, reinterpret_cast<const char*>(table) + first + i * sizeof(void*), sizeof entry);
        if (entry == nullptr) fail(APO_E_UNSUPPORTED, "%s lacks entry %zu of the op table; build both libraries together, or use --device cpu", from, i);
    }
}

const OpTable& cuda_ops() {
    static const OpTable& table = load_cuda_ops(beside_engine("libmetaapo_cuda.so"));
    return table;
}

}  // namespace apo
