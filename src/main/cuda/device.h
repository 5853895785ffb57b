// A GPU as a device: its stream, scratch memory, the way to and from the host, and the matrix library.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "error.h"
#include "ops.h"
#include "platform.h"

namespace apo {
namespace cuda {

// What was asked of CUDA, for error messages.
struct Site {
    const char* what;
    const char* file;
    int line;
};

class AttentionLists;
class CudaDevice;
class MatrixLibrary;
class RankGroup;

// Memory for the length of an op: parts are dealt from chunks that stay with the device. Work on the stream is in order, so
// that the next op may take the same memory while this one still runs.
class Scratch {
public:
    struct Mark {
        size_t chunk, used;
    };
    void* take(CudaDevice& device, size_t bytes);
    Mark mark() const { return {chunk_, used_}; }
    void back_to(CudaDevice& device, Mark mark);
    void release(CudaDevice& device);

private:
    struct Chunk {
        char* data;
        size_t bytes;
    };
    std::vector<Chunk> chunks_;
    size_t chunk_ = 0, used_ = 0;
};

// Pinned host memory through which copies go: a ring of slots, each free again when the copies from it are done. The device's side
// of a copy may be memory of allocate_host too.
class Staging {
public:
    void open(CudaDevice& device);
    void close();
    // Copies now into pinned memory and, in the stream's order, to the device; source is free when this returns.
    void to_device(CudaDevice& device, void* target, const void* source, size_t bytes);
    // Waits for the stream; target is filled when this returns.
    void to_host(CudaDevice& device, void* target, const void* source, size_t bytes);

private:
    static constexpr size_t kSlot = size_t(2) << 20, kSlots = 8;
    void next_slot(CudaDevice& device);
    char* data_ = nullptr;
    cudaEvent_t free_[kSlots] = {};
    size_t slot_ = 0, used_ = 0;
};

class CudaDevice final : public Device {
public:
    explicit CudaDevice(int index);
    ~CudaDevice();
    CudaDevice(const CudaDevice&) = delete;

    // Makes this GPU the calling thread's.
    void activate();
    // Throws for an error, naming the call.
    void check(cudaError_t status, const Site& site);
    // An error that every call from now on comes to, for a fault has cost the context; cudaSuccess while there is none.
    cudaError_t lost();
    // Lets the kernel take so many bytes of dynamic shared memory. What a block takes without asking is for static and dynamic
    // bytes together. Throws APO_E_UNSUPPORTED where this GPU has less.
    void allow_shared(const void* kernel, size_t bytes, const Site& site);
    // Remembers the kernel: a fault shows at a later call, which then names it.
    void launched(const Site& site) { last_launch_ = site; }
    const Site& last_launch() const { return last_launch_; }
    // Wait for the stream, or for what it has done so far. Where there are other ranks it may wait for them: throw where one fails.
    void synchronize();
    void synchronize(cudaEvent_t event);
    // From here to end_recording the stream records what it is given instead of running it. Errors of calls between are thrown and
    // say nothing about the device. Not cudaSuccess: there can be no recording.
    cudaError_t begin_recording();
    // The recording, which the caller destroys; null, with the reason, where it is not whole.
    cudaError_t end_recording(cudaGraph_t* graph);
    bool recording() const { return recording_; }

    int index;
    cudaStream_t stream = nullptr;
    // Copies from host memory beside the ops, and how the two streams wait for each other.
    cudaStream_t copy_stream = nullptr;
    cudaEvent_t ops_done = nullptr, copies_done = nullptr;
    int multiprocessors = 0;
    int compute_capability = 0;  // 90 is 9.0
    int shared_bytes_most = 0;   // a block may take by opt-in, static ones included
    std::string name;
    Scratch scratch;
    Staging staging;
    std::unique_ptr<MatrixLibrary> matrices;
    std::unique_ptr<AttentionLists> attention_lists;
    std::unique_ptr<RankGroup> group;  // of the ranks that it has joined
    // Changes when memory of this device is given back or a matrix product's plan is thrown away: what was recorded before may
    // not run any more, and work must have run once since then to be recorded.
    uint64_t epoch = 0;

private:
    struct SharedMemory {
        size_t static_bytes, dynamic_bytes;  // dynamic: allowed so far
    };
    void close_streams();

    std::unordered_map<const void*, SharedMemory> kernels_;  // those with dynamic shared memory
    Site last_launch_{nullptr, nullptr, 0};
    Site before_recording_{nullptr, nullptr, 0};  // the last launch
    bool recording_ = false;
};

// The GPUs of this machine; throws APO_E_DEVICE with the reason where there is none.
int count_devices();

// The CUDA backend's device behind a Device, current for the calling thread.
inline CudaDevice& gpu(Device& device) {
    CudaDevice& own = static_cast<CudaDevice&>(device);
    own.activate();
    return own;
}

// Scratch memory until the scope ends. Nested scopes are fine.
class ScratchScope {
public:
    explicit ScratchScope(CudaDevice& device) : device_(device), mark_(device.scratch.mark()) {}
    ~ScratchScope() { device_.scratch.back_to(device_, mark_); }
    ScratchScope(const ScratchScope&) = delete;

    // 256-byte aligned, not initialised.
    template <class T>
    T* take(int64_t count) {
        return static_cast<T*>(device_.scratch.take(device_, size_t(count) * sizeof(T)));
    }
    // A copy of a host array.
    template <class T>
    T* upload(const T* host, int64_t count) {
        T* copy = take<T>(count);
        device_.staging.to_device(device_, copy, host, size_t(count) * sizeof(T));
        return copy;
    }

private:
    CudaDevice& device_;
    Scratch::Mark mark_;
};

}  // namespace cuda
}  // namespace apo

#define APO_SITE(what) (::apo::cuda::Site{what, __FILE__, __LINE__})
// APO_CUDA_CALL(device, cudaFunction(arguments)): throws where the call fails.
#define APO_CUDA_CALL(device, call) (device).check(call, APO_SITE(#call))
