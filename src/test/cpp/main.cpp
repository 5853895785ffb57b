// Runs all native tests, or those whose name contains the first argument.
//   metaapo_tests [NAME] [--device cuda:N] [--seed N]
//   metaapo_tests --launches [--resources FILE]
// --device runs the op and engine cases on that GPU, by libmetaapo_cuda.so beside this program; --seed changes the order in
// which the emulation of CUDA runs threads. Tests of more than two seconds are told with their time on standard error.
// --launches checks each launch of the op cases, and of steps of large models, on each GPU that the CUDA backend is built for,
// without running the kernels; --resources says what the compiler made of them (src/test/kernel-resources.sh).
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "backends.h"
#include "emulation/kernels.h"
#include "test.h"

namespace {

void run(const apo_test::Test& test) {
    try {
        test.body();
    } catch (const std::exception& e) {
        apo_test::fail(__FILE__, __LINE__, std::string("threw: ") + e.what());
    }
}

int run_all() {
    int passed = 0, failed = 0;
    for (const apo_test::Test& test : apo_test::tests()) {
        if (test.name.find(apo_test::options().filter) == std::string::npos) continue;
        apo_test::failures() = 0;
        const auto begin = std::chrono::steady_clock::now();
        run(test);
        if (apo_test::failures() > 0) std::printf("FAILED %s\n", test.name.c_str());
        (apo_test::failures() == 0 ? passed : failed)++;
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        if (seconds > 2) std::fprintf(stderr, "%s took %.0f s\n", test.name.c_str(), seconds);
    }
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

// The op cases on one GPU; then the large models, which see to their GPUs themselves.
void launch_cases(const emulation::Limits& limits) {
    emulation::machine().limits = limits;
    emulation::machine().dry = true;
    apo_test::without_values() = true;
    for (const apo_test::Test& test : apo_test::tests()) {
        if (test.file.rfind("ops_", 0) == 0) run(test);
    }
    apo_test::without_values() = false;
    emulation::machine() = {};
}

int check_launches() {
    apo_test::failures() = 0;
    try {
        if (!apo_test::options().resources.empty()) emulation::read_resources(apo_test::options().resources);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "metaapo_tests: %s\n", e.what());
        return 2;
    }
    for (const emulation::Limits& limits : emulation::all_limits()) launch_cases(limits);
    for (const apo_test::Test& test : apo_test::tests()) {
        if (test.file == "cuda_launch_test.cpp") run(test);
    }
    for (const std::string& refusal : emulation::refusals()) std::printf("refused: %s\n", refusal.c_str());
    const std::vector<std::string> left_out = emulation::never_launched();
    for (const std::string& kernel : left_out) std::printf("no case launches %s\n", kernel.c_str());
    for (const emulation::Limits& limits : emulation::all_limits()) {
        const emulation::LaunchCounts counts = emulation::launch_counts(limits.capability);
        std::printf("%d.%d: %lld launches of %zu kernels\n", limits.major(), limits.minor(), (long long)counts.launches, counts.kernels);
    }
    const bool allowed = emulation::refusals().empty() && left_out.empty() && apo_test::failures() == 0;
    std::printf("%s\n", allowed ? "every launch is one that the GPU allows" : "FAILED");
    return allowed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    apo_test::Options& options = apo_test::options();
    for (int i = 1; i < argc; i++) {
        const bool has_value = i + 1 < argc;
        if (std::strcmp(argv[i], "--device") == 0 && has_value && std::strncmp(argv[i + 1], "cuda:", 5) == 0) {
            options.cuda_index = std::atoi(argv[++i] + 5);
        } else if (std::strcmp(argv[i], "--seed") == 0 && has_value) {
            options.seed = uint32_t(std::atoi(argv[++i]));
        } else if (std::strcmp(argv[i], "--launches") == 0) {
            options.launches = true;
        } else if (std::strcmp(argv[i], "--resources") == 0 && has_value) {
            options.resources = argv[++i];
        } else if (argv[i][0] == '-') {
            std::fprintf(stderr, "usage: metaapo_tests [NAME] [--device cuda:N] [--seed N] | --launches [--resources FILE]\n");
            return 2;
        } else {
            options.filter = argv[i];
        }
    }
    return options.launches ? check_launches() : run_all();
}
