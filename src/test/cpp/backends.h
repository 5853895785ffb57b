// The op tables that the tests run on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ops.h"

namespace apo_test {

struct Options {
    std::string filter;
    int cuda_index = -1;  // of --device cuda:N: the cases run on that GPU and nowhere else
    uint32_t seed = 1;    // of the emulation's thread orders
    bool launches = false;  // of --launches: the cases run on the emulated GPU alone
    std::string resources;  // of --resources: the compiler's report
};
Options& options();

struct Backend {
    std::string name;
    const apo::OpTable* ops;
    apo_engine_options open;
};

// Every instruction set of this machine, each with these numbers of threads, and the CUDA backend: emulated, or the GPU that
// was asked for.
std::vector<Backend> backends(const std::vector<int>& cpu_threads);

// The CUDA backend among them.
Backend cuda_backend();

// One for each kind of device, with two threads on the CPU: what the engine's tests run on.
std::vector<Backend> engine_backends();

}  // namespace apo_test
