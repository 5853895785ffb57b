#include "stream.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "error.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace emulation {

struct Event {
    Stream* stream = nullptr;
    uint64_t after = 0;  // that much of the stream's work
};

namespace {

constexpr unsigned char kPoison = 0xff;
constexpr size_t kAlignment = 256;
constexpr size_t kSharedByDefault = 48 << 10;

std::map<uintptr_t, Block>& device_memory() {
    static std::map<uintptr_t, Block> blocks;
    return blocks;
}

// Pinned: kernels reach it too.
std::map<uintptr_t, Block>& pinned_memory() {
    static std::map<uintptr_t, Block> blocks;
    return blocks;
}

void add_block(std::map<uintptr_t, Block>& blocks, void* memory, size_t bytes) {
    static uint64_t number = 0;
    const auto begin = reinterpret_cast<uintptr_t>(memory);
    blocks[begin] = {begin, bytes, ++number};
}

std::map<const void*, int>& shared_limits() {
    static std::map<const void*, int> limits;
    return limits;
}

Block block_among(const std::map<uintptr_t, Block>& blocks, const void* address, size_t bytes) {
    const auto at = reinterpret_cast<uintptr_t>(address);
    auto after = blocks.upper_bound(at);
    if (after == blocks.begin()) return {};
    const Block& block = std::prev(after)->second;
    // One past the end is an address of the block too: an empty slice.
    return at + bytes <= block.begin + block.bytes ? block : Block{};
}

size_t allocated() {
    size_t total = 0;
    for (const auto& [begin, block] : device_memory()) total += block.bytes;
    return total;
}

// Under AddressSanitizer the host may touch device memory only while something of a stream runs.
class DeviceMemoryOpen {
public:
    DeviceMemoryOpen() {
        if (depth()++ == 0) set(true);
    }
    ~DeviceMemoryOpen() {
        if (--depth() == 0) set(false);
    }

private:
    static int& depth() {
        static int scopes = 0;
        return scopes;
    }
    static void set([[maybe_unused]] bool open) {
#if defined(__SANITIZE_ADDRESS__)
        for (const auto& [begin, block] : device_memory()) {
            if (open) {
                __asan_unpoison_memory_region(reinterpret_cast<void*>(begin), block.bytes);
            } else {
                __asan_poison_memory_region(reinterpret_cast<void*>(begin), block.bytes);
            }
        }
#endif
    }
};

// Runs what is queued, up to the first `until` of all its work; a fault ends the rest too.
void run(Stream& stream, uint64_t until = UINT64_MAX) {
    if (stream.fault) std::rethrow_exception(std::exchange(stream.fault, nullptr));
    if (stream.queue.empty()) return;
    const DeviceMemoryOpen open;
    while (!stream.queue.empty() && stream.done < until) {
        const std::function<void()> work = std::move(stream.queue.front());
        stream.queue.pop_front();
        stream.done++;
        try {
            work();
        } catch (...) {
            stream.queue.clear();
            stream.done = stream.queued;
            throw;
        }
    }
}

// For calls that destructors make: a fault is kept for the next wait.
void run_quietly(Stream& stream) {
    try {
        run(stream);
    } catch (...) {
        stream.fault = std::current_exception();
    }
}

void run_all_quietly() {
    for (Stream* stream : streams()) run_quietly(*stream);
}

void check_place(const char* what, const void* address, size_t bytes, std::vector<Block>& blocks) {
    if (bytes == 0) return;
    blocks.push_back(block_of(address, bytes));
    if (blocks.back().number == 0) apo::fail(APO_E_INTERNAL, "%s: %p + %zu is neither device nor pinned memory", what, address, bytes);
}

}  // namespace

std::vector<Stream*>& streams() {
    static std::vector<Stream*> all;
    return all;
}

cudaError_t queue(Stream* stream, Work work) {
    if (stream == nullptr) apo::fail(APO_E_INTERNAL, "the default stream is not used here");
    if (stream->capture == nullptr) {
        stream->queue.push_back(std::move(work.run));
        stream->queued++;
        return cudaSuccess;
    }
    if (stream->capture->invalid) return cudaErrorStreamCaptureInvalidated;
    stream->capture->nodes.push_back(std::move(work));
    return cudaSuccess;
}

Block block_of(const void* address, size_t bytes) {
    const Block block = block_among(device_memory(), address, bytes);
    return block.number != 0 ? block : block_among(pinned_memory(), address, bytes);
}

bool is_alive(const Block& block) {
    return block_of(reinterpret_cast<void*>(block.begin), 0).number == block.number;
}

Machine& machine() {
    static Machine one;
    return one;
}

void forget(void* memory, size_t bytes, cudaStream_t stream) {
    queue(stream, {"forget", [=] { std::memset(memory, kPoison, bytes); }, {block_of(memory, bytes)}});
}

void check_words(const char* kernel, int index, const void* bytes, size_t size, std::vector<Block>& blocks) {
    for (size_t at = 0; at + 8 <= size; at += 8) {
        uintptr_t word;
        std::memcpy(&word, static_cast<const char*>(bytes) + at, sizeof word);
        // What looks like an address of this process: Linux gives programs, heaps and maps the space from 2^44 to 2^47.
        if (word >> 44 == 0 || word >> 47 != 0) continue;
        blocks.push_back(block_of(reinterpret_cast<void*>(word), 0));
        if (blocks.back().number != 0) continue;
        apo::fail(APO_E_INTERNAL, "kernel %s: argument %d holds %p, which is neither device nor pinned memory", kernel, index, reinterpret_cast<void*>(word));
    }
}

cudaError_t queue_kernel(const char* name, Place place, const void* kernel, dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                         std::vector<Block> blocks, std::function<void()> body) {
    if (stream->capture != nullptr && machine().graphs.captured != cudaSuccess) {
        stream->capture->invalid = true;
        return machine().graphs.captured;
    }
    if (machine().next_launch != cudaSuccess) return std::exchange(machine().next_launch, cudaSuccess);
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) return cudaErrorInvalidValue;
    const auto limit = shared_limits().find(kernel);
    if (shared_bytes > (limit == shared_limits().end() ? kSharedByDefault : size_t(limit->second))) return cudaErrorInvalidValue;
    return queue(stream, {name, [=] { run_grid(name, place, grid, block, shared_bytes, body); }, std::move(blocks)});
}

}  // namespace emulation

using namespace emulation;

cudaError_t cudaGetDeviceCount(int* count) {
    *count = 0;
    if (machine().driver < machine().runtime) return cudaErrorInsufficientDriver;
    if (machine().devices == 0) return cudaErrorNoDevice;
    *count = machine().devices;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int index) { return index >= 0 && index < machine().devices ? cudaSuccess : cudaErrorInvalidDevice; }

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
    switch (which) {
        case cudaDevAttrMultiProcessorCount: *value = 3; break;
        case cudaDevAttrComputeCapabilityMajor: *value = machine().major; break;
        case cudaDevAttrComputeCapabilityMinor: *value = machine().minor; break;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = 227 << 10; break;
    }
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
    std::snprintf(properties->name, sizeof properties->name, "emulated GPU");
    return cudaSuccess;
}

cudaError_t cudaDeviceReset() {
    machine().context = cudaSuccess;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
    *version = machine().driver;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = machine().runtime;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total) {
    *total = machine().memory;
    *free_bytes = *total - std::min(*total, allocated());
    return cudaSuccess;
}

cudaError_t cudaGetLastError() { return cudaSuccess; }

const char* cudaGetErrorString(cudaError_t status) {
    switch (status) {
        case cudaErrorIllegalAddress: return "an illegal memory access was encountered";
        case cudaErrorMemoryAllocation: return "out of memory";
        case cudaErrorNoKernelImageForDevice: return "no kernel image is available for execution on the device";
        case cudaErrorInvalidValue: return "invalid argument";
        case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
        default: return "an error";
    }
}

const char* cudaGetErrorName(cudaError_t status) {
    switch (status) {
        case cudaErrorIllegalAddress: return "cudaErrorIllegalAddress";
        case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
        case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
        case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
        default: return "cudaError";
    }
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
    if (const cudaError_t status = refuse_in_capture()) return status;
    if (bytes > machine().memory - std::min(machine().memory, allocated())) return cudaErrorMemoryAllocation;
    if (posix_memalign(memory, kAlignment, bytes == 0 ? 1 : bytes) != 0) return cudaErrorMemoryAllocation;
    std::memset(*memory, kPoison, bytes);
    add_block(device_memory(), *memory, bytes);
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(*memory, bytes);
#endif
    return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
    if (memory == nullptr) return cudaSuccess;
    if (const cudaError_t status = refuse_in_capture()) return status;
    run_all_quietly();
    const auto block = device_memory().find(reinterpret_cast<uintptr_t>(memory));
    if (block == device_memory().end()) return cudaErrorInvalidValue;
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(memory, block->second.bytes);
#endif
    device_memory().erase(block);
    std::free(memory);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void** memory, size_t bytes) {
    if (const cudaError_t status = refuse_in_capture()) return status;
    *memory = std::malloc(bytes);
    if (*memory == nullptr) return cudaErrorMemoryAllocation;
    add_block(pinned_memory(), *memory, bytes);
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void* memory) {
    if (const cudaError_t status = refuse_in_capture()) return status;
    run_all_quietly();
    pinned_memory().erase(reinterpret_cast<uintptr_t>(memory));
    std::free(memory);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    std::vector<Block> blocks;
    if (kind != cudaMemcpyDeviceToHost) check_place("cudaMemcpyAsync's target", target, bytes, blocks);
    if (kind != cudaMemcpyHostToDevice) check_place("cudaMemcpyAsync's source", source, bytes, blocks);
    // Stricter than CUDA, which would copy at each launch whatever the host's memory holds by then.
    if (kind != cudaMemcpyDeviceToDevice && stream->capture != nullptr) return refuse_in_capture();
    if (bytes == 0) return cudaSuccess;
    return queue(stream, {"cudaMemcpyAsync", [=] { std::memcpy(target, source, bytes); }, std::move(blocks)});
}

cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t stream) {
    std::vector<Block> blocks;
    check_place("cudaMemsetAsync", target, bytes, blocks);
    if (bytes == 0) return cudaSuccess;
    return queue(stream, {"cudaMemsetAsync", [=] { std::memset(target, value, bytes); }, std::move(blocks)});
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    *stream = new Stream;
    streams().push_back(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    run_quietly(*stream);
    streams().erase(std::find(streams().begin(), streams().end(), stream));
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (const cudaError_t status = refuse_in_capture()) return status;
    run(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
    if (const cudaError_t status = refuse_in_capture()) return status;
    if (machine().context != cudaSuccess) return machine().context;
    return stream->queue.empty() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    *event = new Event;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    // Stricter than CUDA, where the event would then stand for a place in the graph and could not be waited for.
    if (stream->capture != nullptr) return refuse_in_capture();
    event->stream = stream;
    event->after = stream->queued;
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    if (stream->capture != nullptr) return refuse_in_capture();
    if (event->stream == nullptr) return cudaSuccess;
    // The record that was the newest when the wait was asked for.
    return queue(stream, {"cudaStreamWaitEvent", [other = event->stream, after = event->after] { run(*other, after); }, {}});
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    if (const cudaError_t status = refuse_in_capture()) return status;
    // More than is asked for: the whole stream.
    return event->stream == nullptr ? cudaSuccess : cudaStreamSynchronize(event->stream);
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int value) {
    shared_limits()[kernel] = value;
    return cudaSuccess;
}
