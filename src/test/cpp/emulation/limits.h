// What the GPUs that the backend is built for allow a launch.
#pragma once

#include <cstddef>
#include <vector>

namespace emulation {

// Of a compute capability (CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"), with the number of
// multiprocessors of a card that has it.
struct Limits {
    int capability;               // 90 is 9.0
    const char* code;             // of the compiler's report: what this GPU runs of what is built (cmake/MetaapoCuda.cmake)
    int multiprocessors;
    size_t shared_block;          // bytes that a block may take by opt-in, static ones included
    size_t shared_multiprocessor; // bytes; the system keeps kSharedOfSystem of each block's
    int threads_multiprocessor;

    int major() const { return capability / 10; }
    int minor() const { return capability % 10; }
};

// The same on all of them.
constexpr size_t kSharedByDefault = 48 << 10;  // of a block without opt-in, static ones included
constexpr size_t kSharedOfSystem = 1 << 10;
constexpr int kMostThreads = 1024, kMostThreadsZ = 64;  // of a block
constexpr int kMostRegisters = 65536;                   // of a block, in whole groups of 256 a warp
constexpr unsigned kMostGridX = 0x7fffffffu, kMostGridYZ = 65535;
constexpr size_t kMostArgumentBytes = 4096;

// 8.0, 8.6, 8.9, 9.0, 10.0 and 12.0.
const std::vector<Limits>& all_limits();
const Limits& limits_of(int capability);

}  // namespace emulation
