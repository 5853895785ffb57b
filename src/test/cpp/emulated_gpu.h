// What the tests of the emulation and of the CUDA backend's inner functions share. To be included before what is of CUDA.
#pragma once

#define APO_CUDA_EMULATION
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "backends.h"
#include "launch.h"

namespace apo_test {

// An emulated GPU with an array of floats on it.
struct Gpu {
    explicit Gpu(size_t count = 64) : numbers(count) {
        emulation::set_seed(options().seed);
        device = std::make_unique<apo::cuda::CudaDevice>(0);
        void* memory = nullptr;
        device->check(cudaMalloc(&memory, count * sizeof(float)), APO_SITE("cudaMalloc"));
        at = static_cast<float*>(memory);
    }
    ~Gpu() { cudaFree(at); }
    void give(const std::vector<float>& values) { device->staging.to_device(*device, at, values.data(), values.size() * sizeof(float)); }
    const std::vector<float>& take() {
        device->staging.to_host(*device, numbers.data(), at, numbers.size() * sizeof(float));
        return numbers;
    }
    std::unique_ptr<apo::cuda::CudaDevice> device;
    float* at = nullptr;
    std::vector<float> numbers;
};

// What the body throws, or an empty text.
template <class Body>
std::string thrown(Body body) {
    try {
        body();
    } catch (const std::exception& e) {
        return e.what();
    }
    return "";
}

inline bool has(const std::string& text, const char* words) {
    if (text.find(words) != std::string::npos) return true;
    std::printf("  \"%s\" is not in: %s\n", words, text.c_str());
    return false;
}

// The emulated machine as a test changes it, put back afterwards.
struct MachineGuard {
    emulation::Machine before = emulation::machine();
    ~MachineGuard() { emulation::machine() = before; }
};

}  // namespace apo_test
