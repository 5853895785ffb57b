// The part of the CUDA runtime that src/main/cuda uses, on the host: device memory is the host's heap, streams are queues
// that run when something waits for them, or asks after them, so that a missing wait shows. Devices have streams and memory of their own;
// threads of the system take turns (turn.h). While a stream captures, what CUDA forbids is refused
// with CUDA's error; a launch that the GPU would refuse is refused, with its error and, for tests, the reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "block.h"
#include "limits.h"
#include "turn.h"

enum cudaError_t {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
    cudaErrorInsufficientDriver = 35,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidDevice = 101,
    cudaErrorNoKernelImageForDevice = 209,
    cudaErrorUnsupportedPtxVersion = 222,
    cudaErrorIllegalState = 401,
    cudaErrorNotReady = 600,
    cudaErrorIllegalAddress = 700,
    cudaErrorLaunchOutOfResources = 701,
    cudaErrorStreamCaptureUnsupported = 900,
    cudaErrorStreamCaptureInvalidated = 901
};

enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3, cudaMemcpyDefault = 4 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaDeviceAttr {
    cudaDevAttrMultiProcessorCount = 16,
    cudaDevAttrComputeCapabilityMajor = 75,
    cudaDevAttrComputeCapabilityMinor = 76,
    cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal = 0, cudaStreamCaptureModeThreadLocal = 1, cudaStreamCaptureModeRelaxed = 2 };
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;

struct cudaUUID_t {
    char bytes[16];
};

struct cudaDeviceProp {
    char name[256];
    cudaUUID_t uuid;
};

struct cudaFuncAttributes {
    size_t sharedSizeBytes;
    int numRegs;
    int maxDynamicSharedSizeBytes;
};

namespace emulation {
struct Stream;
struct Event;
struct Graph;
}  // namespace emulation
using cudaStream_t = emulation::Stream*;
using cudaEvent_t = emulation::Event*;
using cudaGraph_t = emulation::Graph*;
using cudaGraphExec_t = emulation::Graph*;

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int index);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int index);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index);
cudaError_t cudaDeviceReset();
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total);
cudaError_t cudaGetLastError();
const char* cudaGetErrorString(cudaError_t status);
const char* cudaGetErrorName(cudaError_t status);

cudaError_t cudaMalloc(void** memory, size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMallocHost(void** memory, size_t bytes);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t stream);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel);
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute which, int value);

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);

namespace emulation {

// The machine that is emulated; tests change it and put it back.
struct Machine {
    int devices = 1;
    bool one_gpu = false;  // that all devices are, by other numbers
    int driver = 13000, runtime = 13000, nccl = 23203;
    Limits limits = few_multiprocessors(limits_of(90));
    size_t memory = size_t(4) << 30;
    // Shapes alone: launches are checked and nothing runs, device memory is addresses, and what is copied from it is zeros.
    bool dry = false;
    cudaError_t next_launch = cudaSuccess;  // what the next launch returns
    cudaError_t next_run = cudaSuccess;     // what the next kernel that runs comes to
    // What these calls return: begin and instantiate each time, launch the next time. `captured` spoils a capture at its first
    // kernel, as something that another thread does may.
    struct {
        cudaError_t begin = cudaSuccess, captured = cudaSuccess, instantiate = cudaSuccess, launch = cudaSuccess;
    } graphs;

    // As few as let a test's small work be shared out.
    static Limits few_multiprocessors(Limits limits) {
        limits.multiprocessors = 3;
        return limits;
    }
};
Machine& machine();

// Of the calling thread's device, as all that follows. Everything that a reset of the device takes away belongs to a context, which has
// a number.
uint64_t context();
// A fault that only a reset takes away: what everything returns.
cudaError_t& fault_of_context();

// Why launches were refused, the oldest first, each reason once; tests clear it.
std::vector<std::string>& refusals();

// Copies from pinned memory to the device so far.
int64_t& uploads();

// How often the stand-in for cuBLASLt was asked for algorithms.
int64_t& heuristics();

// Graphs so far: captures that came to nothing, graphs made ready to launch, launches; and those not destroyed yet.
struct GraphCounts {
    int64_t refused, made, launches, alive;
};
GraphCounts& graph_counts();
// That a stream captures.
bool captures();

// A piece of device or pinned memory; the number tells it from another that has had its address.
struct Block {
    uintptr_t begin;
    size_t bytes;
    uint64_t number;
    bool dry;  // addresses without memory behind them
};

// Fills device memory with NaN, in the stream's order: what was there is not to be read.
void forget(void* memory, size_t bytes, cudaStream_t stream);

cudaError_t queue_kernel(const Launch& launch, cudaStream_t stream, std::vector<Block> blocks, std::function<void()> body);

// Refuses an argument with an address that is not in device memory; structs are looked through. Adds the blocks it points to.
void check_words(const char* kernel, int index, const void* bytes, size_t size, std::vector<Block>& blocks);

template <class T>
void check_argument(const char* kernel, int index, T value, std::vector<Block>& blocks) {
    static_assert(std::is_trivially_copyable_v<T>, "a kernel's argument is copied by its bytes");
    if constexpr (std::is_pointer_v<T> || std::is_class_v<T>) {
        __builtin_clear_padding(&value);
        check_words(kernel, index, &value, sizeof value, blocks);
    }
}

}  // namespace emulation
