// cp.async: 16 bytes at a time from global to shared memory, without a stop in registers (sm_80).
//
// A thread's copies since its last commit are a group. What was copied may be read after the thread's own wait and, by other
// threads, a barrier behind it.
#pragma once

#include "platform.h"

namespace apo {
namespace cuda {

// target and source are multiples of 16. With `real` false, zeros are written and the source is not read.
APO_DEVICE void copy_async_16(void* shared_target, const void* source, bool real = true) {
#if defined(__CUDA_ARCH__)
    const uint32_t target = uint32_t(__cvta_generic_to_shared(shared_target));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(source), "r"(real ? 16 : 0) : "memory");
#elif defined(APO_CUDA_EMULATION)
    emulation::copy_async_16(shared_target, source, real);
#endif
}

APO_DEVICE void copy_async_commit() {
#if defined(__CUDA_ARCH__)
    asm volatile("cp.async.commit_group;" ::: "memory");
#elif defined(APO_CUDA_EMULATION)
    emulation::copy_async_commit();
#endif
}

// Waits until at most `Groups` of the thread's latest groups are under way.
template <int Groups>
APO_DEVICE void copy_async_wait() {
#if defined(__CUDA_ARCH__)
    asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory");
#elif defined(APO_CUDA_EMULATION)
    emulation::copy_async_wait(Groups);
#endif
}

}  // namespace cuda
}  // namespace apo
