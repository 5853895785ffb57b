// Opening and closing, device memory and copies.
#include <cstdio>
#include <cstring>

#include "device.h"
#include "family.h"
#include "matmul.h"

namespace apo {
namespace cuda {

int32_t device_count() { return count_devices(); }

Device* open(const apo_engine_options& options) { return new CudaDevice(options.device_index); }

void close(Device* device) { delete static_cast<CudaDevice*>(device); }

void info(Device& device, apo_device_info* info) {
    CudaDevice& d = gpu(device);
    size_t free_bytes = 0, total = 0;
    APO_CUDA_CALL(d, cudaMemGetInfo(&free_bytes, &total));
    std::snprintf(info->name, sizeof info->name, "%s", d.name.c_str());
    std::snprintf(info->isa, sizeof info->isa, "sm_%d", d.compute_capability);
    std::snprintf(info->gemm, sizeof info->gemm, "%s", d.matrices->name().c_str());
    info->threads = 1;
    info->bf16_native = 1;
    std::snprintf(info->bf16, sizeof info->bf16, "in hardware");
    info->memory_total = int64_t(total);
    info->memory_free = int64_t(free_bytes);
}

void* allocate(Device& device, size_t bytes) {
    CudaDevice& d = gpu(device);
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, bytes);
    if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError();  // clears it
        size_t free_bytes = 0, total = 0;
        cudaMemGetInfo(&free_bytes, &total);
        fail(APO_E_MEMORY, "cuda:%d: out of memory: %.1f MiB asked for, %.1f of %.1f MiB free; use a smaller batch, or recomputation",
             d.index, double(bytes) / (1 << 20), double(free_bytes) / (1 << 20), double(total) / (1 << 20));
    }
    d.check(status, APO_SITE("cudaMalloc"));
    fill_zero(device, memory, bytes);
    return memory;
}

void* allocate_host(Device& device, size_t bytes) {
    CudaDevice& d = gpu(device);
    void* memory = nullptr;
    // Pinned: kernels reach it by the address that the host knows it by.
    const cudaError_t status = cudaMallocHost(&memory, bytes);
    if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError();  // clears it
        fail(APO_E_MEMORY, "cuda:%d: no %.1f MiB of host memory can be pinned; free memory, raise the limit on locked memory (ulimit -l), "
                           "or keep the optimizer's state on the GPU", d.index, double(bytes) / (1 << 20));
    }
    d.check(status, APO_SITE("cudaMallocHost"));
    std::memset(memory, 0, bytes);
    return memory;
}

void release_host(Device& device, void* memory) {
    // As release: nothing may be thrown. What still runs may use it.
    auto& d = static_cast<CudaDevice&>(device);
    cudaSetDevice(d.index);
    d.epoch++;
    for (cudaStream_t stream : {d.copy_stream, d.stream}) cudaStreamSynchronize(stream);
    cudaFreeHost(memory);
}

void release(Device& device, void* memory) {
    // Nothing may be thrown here: after a fault the memory goes with the context.
    CudaDevice& d = static_cast<CudaDevice&>(device);
    cudaSetDevice(d.index);
    d.epoch++;
    cudaFree(memory);
}

void copy_to_device(Device& device, void* target, const void* source, size_t bytes) {
    CudaDevice& d = gpu(device);
    d.staging.to_device(d, target, source, bytes);
}

void copy_to_host(Device& device, void* target, const void* source, size_t bytes) {
    CudaDevice& d = gpu(device);
    d.staging.to_host(d, target, source, bytes);
}

void copy(Device& device, void* target, const void* source, size_t bytes) {
    CudaDevice& d = gpu(device);
    APO_CUDA_CALL(d, cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToDevice, d.stream));
}

void fill_zero(Device& device, void* target, size_t bytes) {
    CudaDevice& d = gpu(device);
    APO_CUDA_CALL(d, cudaMemsetAsync(target, 0, bytes, d.stream));
}

void copy_ahead(Device& device, void* target, const void* source, size_t bytes) {
    CudaDevice& d = gpu(device);
    APO_CUDA_CALL(d, cudaEventRecord(d.ops_done, d.stream));
    APO_CUDA_CALL(d, cudaStreamWaitEvent(d.copy_stream, d.ops_done, 0));
    APO_CUDA_CALL(d, cudaMemcpyAsync(target, source, bytes, cudaMemcpyDefault, d.copy_stream));
    APO_CUDA_CALL(d, cudaEventRecord(d.copies_done, d.copy_stream));
}

void await_copies(Device& device) {
    CudaDevice& d = gpu(device);
    APO_CUDA_CALL(d, cudaStreamWaitEvent(d.stream, d.copies_done, 0));
}

}  // namespace cuda
}  // namespace apo
