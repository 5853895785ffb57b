#include "device.h"

#include <cstdio>
#include <cstring>
#include <mutex>

#include "attention_work.h"
#include "matmul.h"
#include "rank_group.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kOldestComputeCapability = 80;
constexpr size_t kAlignment = 256;
constexpr size_t kSmallestChunk = size_t(4) << 20;

double mib(size_t bytes) { return double(bytes) / (1 << 20); }

const char* file_name(const char* path) {
    const char* slash = std::strrchr(path, '/');
    return slash == nullptr ? path : slash + 1;
}

// The GPUs of this process. Devices that are open on one share its context; one that a fault has cost is thrown away with the last
// of them.
class Contexts {
public:
    void opened(int index) {
        const std::lock_guard<std::mutex> lock(mutex_);
        at(index).open++;
    }
    void lost(int index) {
        const std::lock_guard<std::mutex> lock(mutex_);
        at(index).lost = true;
    }
    // The GPU is the calling thread's.
    void closed(int index) {
        const std::lock_guard<std::mutex> lock(mutex_);
        Context& context = at(index);
        if (--context.open > 0 || !context.lost) return;
        cudaDeviceReset();
        context.lost = false;
    }

private:
    struct Context {
        int open = 0;
        bool lost = false;
    };
    Context& at(int index) {
        if (all_.size() <= size_t(index)) all_.resize(size_t(index) + 1);
        return all_[size_t(index)];
    }
    std::mutex mutex_;
    std::vector<Context> all_;
};

Contexts& contexts() {
    static Contexts one;
    return one;
}

// For a call that failed before a device was open.
[[noreturn]] void fail_to_open(cudaError_t status) {
    int driver = 0, runtime = 0;
    cudaGetLastError();  // clears it
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (status == cudaErrorInsufficientDriver && driver == 0) {
        fail(APO_E_DEVICE, "no NVIDIA driver on this machine; install one, or use --device cpu");
    }
    if (status == cudaErrorInsufficientDriver) {
        fail(APO_E_DEVICE, "the NVIDIA driver serves CUDA %d.%d and this build needs %d.%d; update the driver, or use --device cpu",
             driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    }
    if (status == cudaErrorNoDevice) {
        fail(APO_E_DEVICE, "the NVIDIA driver sees no GPU; check nvidia-smi and CUDA_VISIBLE_DEVICES, or use --device cpu");
    }
    fail(APO_E_DEVICE, "the GPU does not open: %s (%s); check nvidia-smi, or use --device cpu", cudaGetErrorString(status),
         cudaGetErrorName(status));
}

void open_call(cudaError_t status) {
    if (status != cudaSuccess) fail_to_open(status);
}

int attribute(int index, cudaDeviceAttr which) {
    int value = 0;
    open_call(cudaDeviceGetAttribute(&value, which, index));
    return value;
}

}  // namespace

int count_devices() {
    int count = 0;
    open_call(cudaGetDeviceCount(&count));
    return count;
}

void* Scratch::take(CudaDevice& device, size_t bytes) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    while (chunk_ < chunks_.size() && used_ + bytes > chunks_[chunk_].bytes) chunk_++, used_ = 0;
    if (chunk_ == chunks_.size()) {
        void* data = nullptr;
        const size_t size = bytes > kSmallestChunk ? bytes : kSmallestChunk;
        device.check(cudaMalloc(&data, size), APO_SITE("cudaMalloc of scratch"));
        chunks_.push_back({static_cast<char*>(data), size});
        used_ = 0;
    }
    void* part = chunks_[chunk_].data + used_;
    used_ += bytes;
#if defined(APO_CUDA_EMULATION)
    emulation::forget(part, bytes, device.stream);
#endif
    return part;
}

void Scratch::back_to(CudaDevice& device, Mark mark) {
    chunk_ = mark.chunk, used_ = mark.used;
    if (chunk_ != 0 || used_ != 0 || chunks_.size() < 2) return;
    // Several chunks were needed: one of their size next time. Without memory for it the op runs on what can be had.
    size_t total = 0;
    for (const Chunk& chunk : chunks_) total += chunk.bytes;
    release(device);
    void* data = nullptr;
    if (cudaMalloc(&data, total) == cudaSuccess) {
        chunks_.push_back({static_cast<char*>(data), total});
    } else {
        cudaGetLastError();  // clears it
    }
}

void Scratch::release(CudaDevice& device) {
    device.epoch++;
    cudaStreamSynchronize(device.stream);
    for (const Chunk& chunk : chunks_) cudaFree(chunk.data);
    chunks_.clear();
    chunk_ = used_ = 0;
}

void Staging::open(CudaDevice& device) {
    void* data = nullptr;
    APO_CUDA_CALL(device, cudaMallocHost(&data, kSlot * kSlots));
    data_ = static_cast<char*>(data);
    for (cudaEvent_t& event : free_) APO_CUDA_CALL(device, cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
}

void Staging::close() {
    for (cudaEvent_t& event : free_) {
        if (event != nullptr) cudaEventDestroy(event);
        event = nullptr;
    }
    if (data_ != nullptr) cudaFreeHost(data_);
    data_ = nullptr;
}

void Staging::next_slot(CudaDevice& device) {
    APO_CUDA_CALL(device, cudaEventRecord(free_[slot_], device.stream));
    slot_ = (slot_ + 1) % kSlots;
    used_ = 0;
    device.synchronize(free_[slot_]);
}

void Staging::to_device(CudaDevice& device, void* target, const void* source, size_t bytes) {
    // A replay would copy what the slot holds by then.
    if (device.recording()) fail(APO_E_INTERNAL, "cuda:%d: work that is recorded copies from the host", device.index);
    auto* to = static_cast<char*>(target);
    const auto* from = static_cast<const char*>(source);
    while (bytes > 0) {
        if (used_ == kSlot) next_slot(device);
        const size_t part = bytes < kSlot - used_ ? bytes : kSlot - used_;
        char* pinned = data_ + slot_ * kSlot + used_;
        std::memcpy(pinned, from, part);
        APO_CUDA_CALL(device, cudaMemcpyAsync(to, pinned, part, cudaMemcpyDefault, device.stream));
        used_ += (part + 15) / 16 * 16;
        to += part, from += part, bytes -= part;
    }
}

void Staging::to_host(CudaDevice& device, void* target, const void* source, size_t bytes) {
    if (device.recording()) fail(APO_E_INTERNAL, "cuda:%d: work that is recorded copies to the host", device.index);
    auto* to = static_cast<char*>(target);
    const auto* from = static_cast<const char*>(source);
    while (bytes > 0) {
        if (used_ != 0) next_slot(device);
        const size_t part = bytes < kSlot ? bytes : kSlot;
        char* pinned = data_ + slot_ * kSlot;
        APO_CUDA_CALL(device, cudaMemcpyAsync(pinned, from, part, cudaMemcpyDefault, device.stream));
        device.synchronize();
        std::memcpy(to, pinned, part);
        to += part, from += part, bytes -= part;
    }
}

CudaDevice::CudaDevice(int device_index) : index(device_index) {
    const int count = count_devices();
    if (index < 0 || index >= count) {
        fail(APO_E_DEVICE, "cuda:%d does not exist; this machine has cuda:0 to cuda:%d; name one of them, or use --device cpu", index, count - 1);
    }
    compute_capability = 10 * attribute(index, cudaDevAttrComputeCapabilityMajor) + attribute(index, cudaDevAttrComputeCapabilityMinor);
    cudaDeviceProp properties;
    open_call(cudaGetDeviceProperties(&properties, index));
    name = properties.name;
    if (compute_capability < kOldestComputeCapability) {
        fail(APO_E_UNSUPPORTED, "cuda:%d (%s) has compute capability %d.%d; metaapo needs 8.0 (A100) or later, or --device cpu", index,
             name.c_str(), compute_capability / 10, compute_capability % 10);
    }
    multiprocessors = attribute(index, cudaDevAttrMultiProcessorCount);
    shared_bytes_most = attribute(index, cudaDevAttrMaxSharedMemoryPerBlockOptin);
    open_call(cudaSetDevice(index));
    contexts().opened(index);
    try {
        for (cudaStream_t* each : {&stream, &copy_stream}) APO_CUDA_CALL(*this, cudaStreamCreateWithFlags(each, cudaStreamNonBlocking));
        for (cudaEvent_t* each : {&ops_done, &copies_done}) APO_CUDA_CALL(*this, cudaEventCreateWithFlags(each, cudaEventDisableTiming));
        staging.open(*this);
        matrices = open_matrix_library(*this);
        attention_lists = std::make_unique<AttentionLists>();
    } catch (...) {
        staging.close();
        close_streams();
        contexts().closed(index);
        throw;
    }
}

CudaDevice::~CudaDevice() {
    // Nothing here may fail: after a fault every call does, and the reset below gives back what is left.
    cudaSetDevice(index);
    group.reset();
    scratch.release(*this);
    if (lost() != cudaSuccess) contexts().lost(index);  // by work that nobody has waited for
    matrices.reset();
    attention_lists.reset();
    staging.close();
    close_streams();
    contexts().closed(index);
}

void CudaDevice::close_streams() {
    for (cudaEvent_t event : {ops_done, copies_done}) {
        if (event != nullptr) cudaEventDestroy(event);
    }
    for (cudaStream_t each : {copy_stream, stream}) {
        if (each != nullptr) cudaStreamDestroy(each);
    }
}

void CudaDevice::activate() { check(cudaSetDevice(index), APO_SITE("cudaSetDevice")); }

void CudaDevice::allow_shared(const void* kernel, size_t bytes, const Site& site) {
    constexpr size_t kByDefault = 48 << 10;  // the compiler sees to it that static ones alone are not more
    if (bytes == 0) return;
    auto found = kernels_.find(kernel);
    if (found == kernels_.end()) {
        cudaFuncAttributes attributes;
        check(cudaFuncGetAttributes(&attributes, kernel), site);
        found = kernels_.emplace(kernel, SharedMemory{attributes.sharedSizeBytes, kByDefault - attributes.sharedSizeBytes}).first;
    }
    SharedMemory& shared = found->second;
    if (bytes <= shared.dynamic_bytes) return;
    if (shared.static_bytes + bytes > size_t(shared_bytes_most)) {
        fail(APO_E_UNSUPPORTED, "cuda:%d (%s, compute capability %d.%d): kernel %s (%s:%d) needs %zu bytes of shared memory a block and the GPU has %d; "
                                "the model's rows or heads are too wide for it; use another GPU, or --device cpu",
             index, name.c_str(), compute_capability / 10, compute_capability % 10, site.what, file_name(site.file), site.line,
             shared.static_bytes + bytes, shared_bytes_most);
    }
    // All that there is: another device on this GPU may need more of the same kernel, and what is allowed is the context's.
    shared.dynamic_bytes = size_t(shared_bytes_most) - shared.static_bytes;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared.dynamic_bytes)), site);
}

cudaError_t CudaDevice::lost() {
    if (recording_) return cudaSuccess;  // the question would spoil what is recorded
    // A stream that still works is no error, and an error that does not stay is gone by now.
    const cudaError_t status = cudaStreamQuery(stream);
    cudaGetLastError();  // clears it, if it is not one that stays
    return status == cudaErrorNotReady ? cudaSuccess : status;
}

void CudaDevice::synchronize() {
    if (group != nullptr) group->communicator.await([&] { return cudaStreamQuery(stream); });
    check(cudaStreamSynchronize(stream), APO_SITE("cudaStreamSynchronize"));
}

void CudaDevice::synchronize(cudaEvent_t event) {
    if (group != nullptr) group->communicator.await([&] { return cudaEventQuery(event); });
    check(cudaEventSynchronize(event), APO_SITE("cudaEventSynchronize"));
}

cudaError_t CudaDevice::begin_recording() {
    const cudaError_t status = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
    cudaGetLastError();  // clears it
    if (status != cudaSuccess) return status;
    before_recording_ = last_launch_;
    recording_ = true;
    return cudaSuccess;
}

cudaError_t CudaDevice::end_recording(cudaGraph_t* graph) {
    const cudaError_t status = cudaStreamEndCapture(stream, graph);
    cudaGetLastError();  // clears it
    if (status != cudaSuccess) *graph = nullptr;
    recording_ = false;
    last_launch_ = before_recording_;  // what was recorded has not run
    return status;
}

void CudaDevice::check(cudaError_t status, const Site& site) {
    if (status == cudaSuccess) return;
    cudaGetLastError();  // clears it, if it is not one that stays
    if (recording_) {
        fail(APO_E_INTERNAL, "cuda:%d: %s (%s) in %s (%s:%d), which cannot be recorded", index, cudaGetErrorString(status),
             cudaGetErrorName(status), site.what, file_name(site.file), site.line);
    }
    if (status == cudaErrorMemoryAllocation) {
        size_t free_bytes = 0, total = 0;
        cudaMemGetInfo(&free_bytes, &total);
        fail(APO_E_MEMORY, "cuda:%d: out of memory in %s (%s:%d): %.1f of %.1f MiB are free; use a smaller batch, or recomputation", index,
             site.what, file_name(site.file), site.line, mib(free_bytes), mib(total));
    }
    if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorUnsupportedPtxVersion) {
        fail(APO_E_UNSUPPORTED, "cuda:%d (%s, compute capability %d.%d): this build has no code for it (%s); update the driver, or use --device cpu",
             index, name.c_str(), compute_capability / 10, compute_capability % 10, cudaGetErrorString(status));
    }
    // What was asked for has failed; whether the GPU's context has, too, the next call tells.
    if (lost() == cudaSuccess) {
        fail(APO_E_DEVICE, "cuda:%d: %s (%s) in %s (%s:%d); the GPU goes on, so that this is a bug of metaapo or of the driver; report it, or use --device cpu",
             index, cudaGetErrorString(status), cudaGetErrorName(status), site.what, file_name(site.file), site.line);
    }
    contexts().lost(index);
    char after[200] = "";
    if (last_launch_.what != nullptr) {
        std::snprintf(after, sizeof after, ", after kernel %s (%s:%d)", last_launch_.what, file_name(last_launch_.file), last_launch_.line);
    }
    fail(APO_E_DEVICE, "cuda:%d: %s (%s) in %s (%s:%d)%s; close the engine and open it again, or use --device cpu", index,
         cudaGetErrorString(status), cudaGetErrorName(status), site.what, file_name(site.file), site.line, after);
}

}  // namespace cuda
}  // namespace apo
