// A grid of blocks of threads on the host: each thread a fiber, blocks one after another. The order of blocks, and which
// thread goes on at a barrier, come from a seed, so that code that counts on an order shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace emulation {

// Where a kernel stands in the source.
struct Place {
    const char* file;
    int line;
};

// A launch as CUDA is asked for it.
struct Launch {
    const char* name;
    Place place;
    const void* kernel;
    dim3 grid, block;
    size_t shared_bytes, argument_bytes;
};

// Of the thread that runs.
struct Indices {
    dim3 thread, block, block_size, grid_size;
};
extern Indices indices;

// Runs body once for each thread. Throws apo::Error (APO_E_INTERNAL) that names the kernel where threads wait at different
// barriers, or for each other, or where the block declares more than `static_bytes` of shared arrays.
void run_grid(const Launch& launch, size_t static_bytes, const std::function<void()>& body);

// Seed of the orders of the launches that follow.
void set_seed(uint32_t seed);

// ---- for the thread that runs

[[noreturn]] void fault(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Waits until `threads` threads of the block (0: all) are at this barrier.
void barrier(int id, int threads, Place place);
// As barrier(0, 0): how many threads came with a value that is not zero.
int barrier_count(bool value, Place place);

// Waits until all lanes of the mask are at the same operation; the last runs complete(requests of the lanes, mask), after
// which each goes on. Requests of lanes outside of the mask are null.
void warp_operation(uint32_t mask, void* request, void (*complete)(void* const* requests, uint32_t mask), Place place);
int lane();

// A shared array of the block, filled with NaN when the block begins; `key` tells declarations apart.
void* static_shared(const void* key, size_t bytes);
void* dynamic_shared();
bool in_shared(const void* address, size_t bytes);

// cp.async: the target is NaN until the wait.
void copy_async_16(void* target, const void* source, bool real);
void copy_async_commit();
void copy_async_wait(size_t groups);

}  // namespace emulation
