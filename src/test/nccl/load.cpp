// Finds NCCL as the backend does, and every function in it; prints its version. Needs no GPU.
#include <cstdio>
#include <exception>

#include "nccl.h"

int main() {
    try {
        int version = 0;
        const int result = apo::cuda::nccl::functions().get_version(&version);
        std::printf("NCCL %d.%d.%d loads and has every function\n", version / 10000, version / 100 % 100, version % 100);
        return result;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
