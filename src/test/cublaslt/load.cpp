// Finds cuBLASLt as the backend does, and every function in it; prints its version. Needs no GPU.
#include <cstdio>
#include <exception>

#include "cublaslt.h"

int main() {
    try {
        const size_t version = apo::cuda::lt::functions().get_version();
        std::printf("cuBLASLt %zu.%zu.%zu loads and has every function\n", version / 10000, version / 100 % 100, version % 100);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
