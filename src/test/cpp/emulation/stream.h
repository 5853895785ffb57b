// What the files of the emulated runtime share: device memory, the streams' queues, and captures.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime.h"

namespace emulation {

// Something queued, with the blocks of memory that its arguments point to.
struct Work {
    std::string name;
    std::function<void()> run;
    std::vector<Block> blocks;
};

// What a stream records between cudaStreamBeginCapture and cudaStreamEndCapture.
struct Capture {
    std::vector<Work> nodes;
    bool invalid = false;
};

// Refuses what belongs to a context that was reset.
void check_context(const char* what, uint64_t of);

struct Stream {
    uint64_t context = emulation::context();
    std::deque<std::function<void()>> queue;
    uint64_t queued = 0, done = 0;  // how much work ever
    std::exception_ptr fault;  // of work that ran where nothing may be thrown
    std::unique_ptr<Capture> capture;
};

std::vector<Stream*>& streams();

// Adds to the queue or, on a stream that captures, to its capture; refuses what follows on an error in it.
cudaError_t queue(Stream* stream, Work work);

// Runs what is queued, up to the first `until` of all its work; a fault ends the rest too.
void run(Stream& stream, uint64_t until = UINT64_MAX);
// Runs what all streams have, for calls that destructors make: a fault is kept for the next wait.
void run_all_quietly();

// The block of device or pinned memory that holds the range, or one of number 0.
Block block_of(const void* address, size_t bytes);
// That the block has not been freed since, whatever lies there now.
bool is_alive(const Block& block);

// Under AddressSanitizer: whether the host may touch device memory.
void open_device_memory(bool open);
// Gives back all memory of the device, and what is pinned for it.
void forget_memory();

// An error that a test wants, once: an illegal address costs the context, as on a GPU.
cudaError_t take_error(cudaError_t& wanted);

// For calls that CUDA does not allow while this thread captures: an error then, which spoils the captures.
cudaError_t refuse_in_capture();

}  // namespace emulation
