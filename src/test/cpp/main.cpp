// Runs all native tests, or those whose name contains the first argument.
//   metaapo_tests [NAME] [--device cuda:N] [--seed N]
// --device runs the op and engine cases on that GPU, by libmetaapo_cuda.so beside this program; --seed changes the order in
// which the emulation of CUDA runs threads. Tests of more than two seconds are told with their time on standard error.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "backends.h"
#include "test.h"

int main(int argc, char** argv) {
    apo_test::Options& options = apo_test::options();
    for (int i = 1; i < argc; i++) {
        const bool has_value = i + 1 < argc;
        if (std::strcmp(argv[i], "--device") == 0 && has_value && std::strncmp(argv[i + 1], "cuda:", 5) == 0) {
            options.cuda_index = std::atoi(argv[++i] + 5);
        } else if (std::strcmp(argv[i], "--seed") == 0 && has_value) {
            options.seed = uint32_t(std::atoi(argv[++i]));
        } else if (argv[i][0] == '-') {
            std::fprintf(stderr, "usage: metaapo_tests [NAME] [--device cuda:N] [--seed N]\n");
            return 2;
        } else {
            options.filter = argv[i];
        }
    }
    int passed = 0, failed = 0;
    for (const apo_test::Test& test : apo_test::tests()) {
        if (test.name.find(options.filter) == std::string::npos) continue;
        apo_test::failures() = 0;
        const auto begin = std::chrono::steady_clock::now();
        try {
            test.body();
        } catch (const std::exception& e) {
            apo_test::fail(__FILE__, __LINE__, std::string("threw: ") + e.what());
        }
        if (apo_test::failures() > 0) std::printf("FAILED %s\n", test.name.c_str());
        (apo_test::failures() == 0 ? passed : failed)++;
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        if (seconds > 2) std::fprintf(stderr, "%s took %.0f s\n", test.name.c_str(), seconds);
    }
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
