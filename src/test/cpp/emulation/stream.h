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

struct Stream {
    std::deque<std::function<void()>> queue;
    uint64_t queued = 0, done = 0;  // how much work ever
    std::exception_ptr fault;  // of work that ran where nothing may be thrown
    std::unique_ptr<Capture> capture;
};

std::vector<Stream*>& streams();

// Adds to the queue or, on a stream that captures, to its capture; refuses what follows on an error in it.
cudaError_t queue(Stream* stream, Work work);

// The block of device or pinned memory that holds the range, or one of number 0.
Block block_of(const void* address, size_t bytes);
// That the block has not been freed since, whatever lies there now.
bool is_alive(const Block& block);

// For calls that CUDA does not allow while this thread captures: an error then, which spoils the captures.
cudaError_t refuse_in_capture();

}  // namespace emulation
