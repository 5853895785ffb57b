// The one header that a kernel file needs of the platform: CUDA itself under nvcc, or the emulation of the tests
// (src/test/cpp/emulation) that runs the same code on the host. Kernels use what both have and nothing else.
//
// Rules for kernels, which the emulation enforces:
//  - blocks are whole warps; every thread of a block comes to every __syncthreads;
//  - warp functions take a mask and are reached by each of its lanes;
//  - shared memory is declared by APO_SHARED or taken by dynamic_shared, and is not initialised;
//  - arguments of a launch that hold addresses hold addresses of device memory.
#pragma once

#include <cstdint>

#if defined(APO_CUDA_EMULATION)
#include "cuda_emulation.h"
#else
#include <cuda_runtime.h>

#define APO_DEVICE __device__ __forceinline__

// A shared array of a block: APO_SHARED(float, sums, 32).
#define APO_SHARED(type, name, count) __shared__ __align__(16) type name[count]

namespace apo {
namespace cuda {

// The launch's dynamic shared memory.
template <class T>
APO_DEVICE T* dynamic_shared() {
    extern __shared__ __align__(128) unsigned char apo_dynamic_shared[];
    return reinterpret_cast<T*>(apo_dynamic_shared);
}

}  // namespace cuda
}  // namespace apo
#endif

namespace apo {
namespace cuda {

constexpr uint32_t kAllLanes = 0xffffffffu;
constexpr int kWarp = 32;

APO_DEVICE int lane_index() { return int(threadIdx.x) % kWarp; }
APO_DEVICE int warp_index() { return int(threadIdx.x) / kWarp; }

}  // namespace cuda
}  // namespace apo
