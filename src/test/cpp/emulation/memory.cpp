// Device and pinned memory and the copies between them.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "error.h"
#include "stream.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace emulation {

namespace {

constexpr unsigned char kPoison = 0xff;
constexpr size_t kAlignment = 256;

// Of this thread's device, as all that follows.
std::map<uintptr_t, Block>& device_memory() {
    static std::map<int, std::map<uintptr_t, Block>> blocks;
    return blocks[current_device()];
}

// Pinned: kernels reach it too.
std::map<uintptr_t, Block>& pinned_memory() {
    static std::map<int, std::map<uintptr_t, Block>> blocks;
    return blocks[current_device()];
}

// How many scopes hold the device's memory open.
int& scopes() {
    static std::map<int, int> counts;
    return counts[current_device()];
}

void add_block(std::map<uintptr_t, Block>& blocks, void* memory, size_t bytes) {
    static uint64_t number = 0;
    const auto begin = reinterpret_cast<uintptr_t>(memory);
    blocks[begin] = {begin, bytes, ++number, machine().dry};
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

// Addresses without memory behind them, for a machine that is dry.
void* reserve(size_t bytes) {
    void* memory = mmap(nullptr, bytes == 0 ? 1 : bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

void give_back(const Block& block) {
    void* memory = reinterpret_cast<void*>(block.begin);
    if (block.dry) {
        munmap(memory, block.bytes == 0 ? 1 : block.bytes);
        return;
    }
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(memory, block.bytes);
#endif
    std::free(memory);
}

void check_place(const char* what, const void* address, size_t bytes, std::vector<Block>& blocks) {
    if (bytes == 0) return;
    blocks.push_back(block_of(address, bytes));
    if (blocks.back().number == 0) apo::fail(APO_E_INTERNAL, "%s: %p + %zu is neither device nor pinned memory", what, address, bytes);
}

void open_device_memory([[maybe_unused]] bool open) {
#if defined(__SANITIZE_ADDRESS__)
    for (const auto& [begin, block] : device_memory()) {
        if (block.dry) continue;
        if (open) {
            __asan_unpoison_memory_region(reinterpret_cast<void*>(begin), block.bytes);
        } else {
            __asan_poison_memory_region(reinterpret_cast<void*>(begin), block.bytes);
        }
    }
#endif
}

}  // namespace

DeviceMemoryOpen::DeviceMemoryOpen() {
    if (scopes()++ == 0) open_device_memory(true);
}

DeviceMemoryOpen::~DeviceMemoryOpen() {
    if (--scopes() == 0) open_device_memory(false);
}

Block block_of(const void* address, size_t bytes) {
    const Block block = block_among(device_memory(), address, bytes);
    return block.number != 0 ? block : block_among(pinned_memory(), address, bytes);
}

bool is_alive(const Block& block) {
    return block_of(reinterpret_cast<void*>(block.begin), 0).number == block.number;
}

void forget(void* memory, size_t bytes, cudaStream_t stream) {
    const Turn turn;
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

int64_t& uploads() {
    static int64_t count = 0;
    return count;
}

void forget_memory() {
    for (const auto& [begin, block] : device_memory()) give_back(block);
    device_memory().clear();
    for (const auto& [begin, block] : pinned_memory()) std::free(reinterpret_cast<void*>(begin));
    pinned_memory().clear();
}

}  // namespace emulation

using namespace emulation;

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total) {
    const Turn turn;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    *total = machine().memory;
    *free_bytes = *total - std::min(*total, allocated());
    return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
    const Turn turn;
    if (const cudaError_t status = refuse_in_capture()) return status;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    if (bytes > machine().memory - std::min(machine().memory, allocated())) return cudaErrorMemoryAllocation;
    if (machine().dry) {
        *memory = reserve(bytes);
        if (*memory == nullptr) return cudaErrorMemoryAllocation;
        add_block(device_memory(), *memory, bytes);
        return cudaSuccess;
    }
    if (posix_memalign(memory, kAlignment, bytes == 0 ? 1 : bytes) != 0) return cudaErrorMemoryAllocation;
    std::memset(*memory, kPoison, bytes);
    add_block(device_memory(), *memory, bytes);
#if defined(__SANITIZE_ADDRESS__)
    if (scopes() == 0) __asan_poison_memory_region(*memory, bytes);
#endif
    return cudaSuccess;
}

// Behind a fault memory stays until the reset.
cudaError_t cudaFree(void* memory) {
    const Turn turn;
    if (memory == nullptr) return cudaSuccess;
    if (const cudaError_t status = refuse_in_capture()) return status;
    run_all_quietly();
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    const auto block = device_memory().find(reinterpret_cast<uintptr_t>(memory));
    if (block == device_memory().end()) return cudaErrorInvalidValue;
    give_back(block->second);
    device_memory().erase(block);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void** memory, size_t bytes) {
    const Turn turn;
    if (const cudaError_t status = refuse_in_capture()) return status;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    *memory = std::malloc(bytes);
    if (*memory == nullptr) return cudaErrorMemoryAllocation;
    add_block(pinned_memory(), *memory, bytes);
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void* memory) {
    const Turn turn;
    if (const cudaError_t status = refuse_in_capture()) return status;
    run_all_quietly();
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    if (pinned_memory().erase(reinterpret_cast<uintptr_t>(memory)) == 0) return cudaErrorInvalidValue;
    std::free(memory);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    const Turn turn;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    std::vector<Block> blocks;
    if (kind != cudaMemcpyDeviceToHost) check_place("cudaMemcpyAsync's target", target, bytes, blocks);
    if (kind != cudaMemcpyHostToDevice) check_place("cudaMemcpyAsync's source", source, bytes, blocks);
    // Stricter than CUDA, which would copy at each launch whatever the host's memory holds by then.
    if (kind != cudaMemcpyDeviceToDevice && stream->capture != nullptr) return refuse_in_capture();
    if (bytes == 0) return cudaSuccess;
    if (block_among(device_memory(), target, bytes).number != 0 && block_among(pinned_memory(), source, bytes).number != 0) uploads()++;
    if (machine().dry && block_among(device_memory(), target, bytes).number == 0) std::memset(target, 0, bytes);
    return queue(stream, {"cudaMemcpyAsync", [=] { std::memcpy(target, source, bytes); }, std::move(blocks)});
}

cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t stream) {
    const Turn turn;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    std::vector<Block> blocks;
    check_place("cudaMemsetAsync", target, bytes, blocks);
    if (bytes == 0) return cudaSuccess;
    return queue(stream, {"cudaMemsetAsync", [=] { std::memset(target, value, bytes); }, std::move(blocks)});
}
