// The op tables that the tests run on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ops.h"

namespace apo_test {

struct Options {
    std::vector<std::string> filters;  // tests whose "file: name" contains one of them; all where there is none
    int jobs = 0;  // processes at a time, one for each test; 0: all in this one
    bool cpu = true, cuda = true;  // of --backends
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

// Thrown where a test needs a backend that was not asked for.
struct OtherBackend {};

// Every instruction set of this machine, each with these numbers of threads, and the CUDA backend: emulated, or the GPU that
// was asked for.
std::vector<Backend> backends(const std::vector<int>& cpu_threads);

// The CUDA backend among them; throws OtherBackend where it was not asked for.
Backend cuda_backend();

// One for each kind of device, with two threads on the CPU: what the engine's tests run on; those of --backends.
std::vector<Backend> engine_backends();

// Whether so many ranks can have a device each; a rank alone needs NCCL too. Tells where it is missing.
bool has_ranks(const Backend& backend, int32_t size);

}  // namespace apo_test
