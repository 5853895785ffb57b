// What the files of the emulated runtime share: device memory, the streams' queues, and captures.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime.h"

namespace emulation {

// Something queued, with the blocks of memory that its arguments point to.
struct Work {
    std::string name;
    std::function<void()> run;
    std::vector<Block> blocks;
    std::function<bool()> ready = {};  // where it may have to wait for other processes: whether run() would not
};

// What a stream records between cudaStreamBeginCapture and cudaStreamEndCapture.
struct Capture {
    std::vector<Work> nodes;
    bool invalid = false;
};

// This thread's device; another one while a stream of that runs.
int& current_device();

// Refuses what belongs to a context that was reset.
void check_context(const char* what, uint64_t of);

struct Stream {
    int device = current_device();
    uint64_t context = emulation::context();
    std::deque<Work> queue;
    uint64_t queued = 0, done = 0;  // how much work ever
    std::thread::id runner;  // the thread amid a piece of work, which may wait for other ranks
    int visitors = 0;        // calls of run, of any thread
    std::exception_ptr fault;  // of work that ran where nothing may be thrown
    std::unique_ptr<Capture> capture;
};

// Of this thread's device.
std::vector<Stream*>& streams();

// Adds to the queue or, on a stream that captures, to its capture; refuses what follows on an error in it.
cudaError_t queue(Stream* stream, Work work);

// Runs what is queued, up to the first `until` of all its work; a fault ends the rest too. For any thread that has the turn: work that
// another is amid is waited for.
void run(Stream& stream, uint64_t until = UINT64_MAX);
// The same; a fault is kept for the stream's next wait.
void run_quietly(Stream& stream, uint64_t until = UINT64_MAX);
// As run_quietly, without waiting: whether that is done, or has come to a fault.
bool try_run(Stream& stream, uint64_t until);
// Runs what all streams of this thread's device have, for calls that destructors make.
void run_all_quietly();

// The block of device or pinned memory that holds the range, or one of number 0.
Block block_of(const void* address, size_t bytes);
// That the block has not been freed since, whatever lies there now.
bool is_alive(const Block& block);

// Under AddressSanitizer the host may touch the device's memory only while something of a stream of it runs.
class DeviceMemoryOpen {
public:
    DeviceMemoryOpen();
    ~DeviceMemoryOpen();
};
// Gives back all memory of the device, and what is pinned for it.
void forget_memory();

// An error that a test wants, once: an illegal address costs the context, as on a GPU.
cudaError_t take_error(cudaError_t& wanted);

// For calls that CUDA does not allow while this thread captures: an error then, which spoils the captures.
cudaError_t refuse_in_capture();

}  // namespace emulation
