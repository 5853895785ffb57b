// Launches with checks: a CUDA error becomes an apo::Error that names the kernel, file and line.
#pragma once

#include <tuple>
#include <utility>

#include "device.h"

namespace apo {
namespace cuda {

// Launches kernel(arguments...) on a stream of the device. Use APO_LAUNCH.
template <class... Parameters, class... Arguments>
void launch(CudaDevice& device, cudaStream_t stream, const Site& site, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
            Arguments&&... arguments) {
    device.allow_shared(reinterpret_cast<const void*>(kernel), shared_bytes, site);
    std::tuple<std::decay_t<Parameters>...> values{std::forward<Arguments>(arguments)...};
#if defined(APO_CUDA_EMULATION)
    const cudaError_t status = emulation::launch(site.what, site.file, site.line, kernel, values, grid, block, shared_bytes, stream);
#else
    const cudaError_t status = std::apply(
        [&](auto&... value) {
            void* pointers[] = {static_cast<void*>(&value)...};
            return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, pointers, shared_bytes, stream);
        },
        values);
#endif
    device.check(status, site);
    device.launched(site);
}

inline unsigned blocks_for(int64_t items, int64_t per_block) { return unsigned((items + per_block - 1) / per_block); }

}  // namespace cuda
}  // namespace apo

// APO_LAUNCH(device, kernel, grid, block, shared_bytes, arguments...), on the ops' stream; a template's kernel stands in parentheses. A
// launch of no blocks is left out by the caller.
#define APO_LAUNCH(device, kernel, grid, block, shared_bytes, ...) \
    APO_LAUNCH_ON(device, (device).stream, kernel, grid, block, shared_bytes, __VA_ARGS__)
#define APO_LAUNCH_ON(device, on, kernel, grid, block, shared_bytes, ...) \
    ::apo::cuda::launch(device, on, ::apo::cuda::Site{#kernel, __FILE__, __LINE__}, kernel, grid, block, shared_bytes, __VA_ARGS__)
