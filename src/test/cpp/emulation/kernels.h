// What is known of a kernel before it runs: its name and the shared memory that it declares, from the symbols of the program or
// library that holds it, and what the compiler made of it for each GPU, from a report of nvcc's where one is read.
#pragma once

#include <string>
#include <vector>

#include "runtime.h"

namespace emulation {

struct KernelFacts {
    std::string name;      // as in the source, without parameters
    size_t static_shared;  // bytes of what APO_SHARED declares, each array in whole 16 bytes
};
const KernelFacts& facts_of(const void* kernel);

// Lines "code name registers shared" (src/test/kernel-resources.sh); `name` is the mangled one. Throws where there are none.
void read_resources(const std::string& file);

// Of a kernel on this machine's GPU. registers is 0 where no report is read.
struct Resources {
    int registers;
    size_t static_shared;
};
Resources resources_of(const void* kernel);

// What CUDA returns for a launch on this machine's GPU; the reason of a refusal goes to refusals().
cudaError_t check_launch(const Launch& launch);

// What was launched so far on machines of a compute capability.
struct LaunchCounts {
    int64_t launches;
    size_t kernels;
};
LaunchCounts launch_counts(int capability);
// Kernels of the report that were launched on none of them.
std::vector<std::string> never_launched();

// Forgets what cudaFuncSetAttribute was told, as a reset of the device does.
void forget_attributes();

}  // namespace emulation
