// Runs all native tests, or those whose "file: name" contains one of the arguments.
//   metaapo_tests [NAME ...] [--jobs N] [--backends all|cpu|cuda] [--device cuda:N] [--seed N]
//   metaapo_tests --launches [--resources FILE]
// --jobs runs each test in a process of its own, so many at a time; --backends cpu leaves the emulation of CUDA out, --backends cuda
// the CPU. --device runs the op and engine cases on that GPU, by libmetaapo_cuda.so beside this program; --seed changes the order in
// which the emulation of CUDA runs threads. Tests of more than two seconds are told with their time on standard error.
// --launches checks each launch of the op cases, and of steps of large models, on each GPU that the CUDA backend is built for,
// without running the kernels; --resources says what the compiler made of them (src/test/kernel-resources.sh).
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>

#include "backends.h"
#include "emulation/kernels.h"
#include "test.h"

namespace {

void run(const apo_test::Test& test) {
    try {
        test.body();
    } catch (const apo_test::OtherBackend&) {
        // Nothing in it is of the backends that were asked for.
    } catch (const std::exception& e) {
        apo_test::fail(__FILE__, __LINE__, std::string("threw: ") + e.what());
    }
}

bool asked_for(const apo_test::Test& test) {
    const std::vector<std::string>& filters = apo_test::options().filters;
    const std::string name = test.file + ": " + test.name;
    auto in_name = [&](const std::string& filter) { return name.find(filter) != std::string::npos; };
    return filters.empty() || std::any_of(filters.begin(), filters.end(), in_name);
}

// Whether the test passed.
bool run_timed(const apo_test::Test& test) {
    apo_test::failures() = 0;
    const auto begin = std::chrono::steady_clock::now();
    run(test);
    if (apo_test::failures() > 0) std::printf("FAILED %s\n", test.name.c_str());
    std::fflush(stdout);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (seconds > 2) std::fprintf(stderr, "%s took %.0f s\n", test.name.c_str(), seconds);
    return apo_test::failures() == 0;
}

// Whether the process that ran the test ended well; tells where it did not by itself.
bool ended_well(const apo_test::Test& test, int status) {
    if (WIFSIGNALED(status)) std::printf("FAILED %s: ended by signal %d\n", test.name.c_str(), WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int run_all() {
    int passed = 0, failed = 0;
    std::map<pid_t, const apo_test::Test*> running;
    auto await_one = [&] {
        int status = 0;
        const auto ended = running.find(wait(&status));
        if (ended == running.end()) return;
        (ended_well(*ended->second, status) ? passed : failed)++;
        running.erase(ended);
    };
    for (const apo_test::Test& test : apo_test::tests()) {
        if (!asked_for(test)) continue;
        if (apo_test::options().jobs == 0) {
            (run_timed(test) ? passed : failed)++;
            continue;
        }
        if (int(running.size()) == apo_test::options().jobs) await_one();
        // Before any test has started threads, which a fork would not copy.
        const pid_t child = fork();
        if (child == 0) std::exit(run_timed(test) ? 0 : 1);
        if (child < 0) {
            std::perror("fork");
            return 1;
        }
        running[child] = &test;
    }
    while (!running.empty()) await_one();
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
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
        } else if (std::strcmp(argv[i], "--jobs") == 0 && has_value) {
            options.jobs = std::max(1, std::atoi(argv[++i]));
        } else if (std::strcmp(argv[i], "--backends") == 0 && has_value) {
            const std::string which = argv[++i];
            options.cpu = which != "cuda";
            options.cuda = which != "cpu";
        } else if (std::strcmp(argv[i], "--launches") == 0) {
            options.launches = true;
        } else if (std::strcmp(argv[i], "--resources") == 0 && has_value) {
            options.resources = argv[++i];
        } else if (argv[i][0] == '-') {
            std::fprintf(stderr, "usage: metaapo_tests [NAME ...] [--jobs N] [--backends all|cpu|cuda] [--device cuda:N] [--seed N] | --launches [--resources FILE]\n");
            return 2;
        } else {
            options.filters.push_back(argv[i]);
        }
    }
    return options.launches ? check_launches() : run_all();
}
