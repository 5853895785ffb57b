// Devices, streams, events and launches.
#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "error.h"
#include "kernels.h"
#include "stream.h"

namespace emulation {

struct Event {
    uint64_t context = emulation::context();
    Stream* stream = nullptr;
    uint64_t after = 0;  // that much of the stream's work
};

namespace {

uint64_t context_number = 1;

// Under AddressSanitizer the host may touch device memory only while something of a stream runs.
class DeviceMemoryOpen {
public:
    DeviceMemoryOpen() {
        if (depth()++ == 0) open_device_memory(true);
    }
    ~DeviceMemoryOpen() {
        if (--depth() == 0) open_device_memory(false);
    }

private:
    static int& depth() {
        static int scopes = 0;
        return scopes;
    }
};

void give_up_work(Stream& stream) {
    stream.queue.clear();
    stream.done = stream.queued;
}

void run_quietly(Stream& stream) {
    try {
        run(stream);
    } catch (...) {
        stream.fault = std::current_exception();
    }
}

}  // namespace

uint64_t context() { return context_number; }

void check_context(const char* what, uint64_t of) {
    if (of != context_number) apo::fail(APO_E_INTERNAL, "%s of a context that was reset is used", what);
}

void run(Stream& stream, uint64_t until) {
    check_context("a stream", stream.context);
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
            give_up_work(stream);
            throw;
        }
        if (machine().context != cudaSuccess) give_up_work(stream);
    }
}

void run_all_quietly() {
    for (Stream* stream : streams()) run_quietly(*stream);
}

std::vector<Stream*>& streams() {
    static std::vector<Stream*> all;
    return all;
}

cudaError_t queue(Stream* stream, Work work) {
    if (stream == nullptr) apo::fail(APO_E_INTERNAL, "the default stream is not used here");
    check_context("a stream", stream->context);
    if (stream->capture == nullptr) {
        if (machine().dry) return cudaSuccess;
        stream->queue.push_back(std::move(work.run));
        stream->queued++;
        return cudaSuccess;
    }
    if (stream->capture->invalid) return cudaErrorStreamCaptureInvalidated;
    stream->capture->nodes.push_back(std::move(work));
    return cudaSuccess;
}

Machine& machine() {
    static Machine one;
    return one;
}

cudaError_t take_error(cudaError_t& wanted) {
    const cudaError_t error = std::exchange(wanted, cudaSuccess);
    if (error == cudaErrorIllegalAddress) machine().context = error;
    return error;
}

cudaError_t queue_kernel(const Launch& launch, cudaStream_t stream, std::vector<Block> blocks, std::function<void()> body) {
    if (stream->capture != nullptr && machine().graphs.captured != cudaSuccess) {
        stream->capture->invalid = true;
        return machine().graphs.captured;
    }
    if (machine().next_launch != cudaSuccess) return take_error(machine().next_launch);
    if (machine().context != cudaSuccess) return machine().context;
    if (const cudaError_t status = check_launch(launch)) return status;
    auto run = [launch, body = std::move(body)] {
        if (machine().next_run != cudaSuccess) {
            take_error(machine().next_run);
            return;
        }
        run_grid(launch, facts_of(launch.kernel).static_shared, body);
    };
    return queue(stream, {launch.name, std::move(run), std::move(blocks)});
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
        case cudaDevAttrMultiProcessorCount: *value = machine().limits.multiprocessors; break;
        case cudaDevAttrComputeCapabilityMajor: *value = machine().limits.major(); break;
        case cudaDevAttrComputeCapabilityMinor: *value = machine().limits.minor(); break;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = int(machine().limits.shared_block); break;
    }
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
    std::snprintf(properties->name, sizeof properties->name, "emulated GPU");
    return cudaSuccess;
}

cudaError_t cudaDeviceReset() {
    for (Stream* stream : streams()) give_up_work(*stream);
    forget_memory();
    forget_attributes();
    machine().context = cudaSuccess;
    context_number++;
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

cudaError_t cudaGetLastError() { return machine().context; }

const char* cudaGetErrorString(cudaError_t status) {
    switch (status) {
        case cudaErrorIllegalAddress: return "an illegal memory access was encountered";
        case cudaErrorMemoryAllocation: return "out of memory";
        case cudaErrorNoKernelImageForDevice: return "no kernel image is available for execution on the device";
        case cudaErrorInvalidValue: return "invalid argument";
        case cudaErrorInvalidConfiguration: return "invalid configuration argument";
        case cudaErrorLaunchOutOfResources: return "too many resources requested for launch";
        case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
        default: return "an error";
    }
}

const char* cudaGetErrorName(cudaError_t status) {
    switch (status) {
        case cudaErrorIllegalAddress: return "cudaErrorIllegalAddress";
        case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
        case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
        case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
        case cudaErrorLaunchOutOfResources: return "cudaErrorLaunchOutOfResources";
        case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
        default: return "cudaError";
    }
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    if (machine().context != cudaSuccess) return machine().context;
    *stream = new Stream;
    streams().push_back(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    run_quietly(*stream);
    streams().erase(std::find(streams().begin(), streams().end(), stream));
    delete stream;
    return machine().context;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (const cudaError_t status = refuse_in_capture()) return status;
    run(*stream);
    return machine().context;
}

// Null stands for the default stream, of which the context's state alone is asked.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
    if (const cudaError_t status = refuse_in_capture()) return status;
    if (machine().context != cudaSuccess) return machine().context;
    return stream == nullptr || stream->queue.empty() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    if (machine().context != cudaSuccess) return machine().context;
    *event = new Event;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    return machine().context;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    check_context("an event", event->context);
    if (machine().context != cudaSuccess) return machine().context;
    // Stricter than CUDA, where the event would then stand for a place in the graph and could not be waited for.
    if (stream->capture != nullptr) return refuse_in_capture();
    event->stream = stream;
    event->after = stream->queued;
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    check_context("an event", event->context);
    if (machine().context != cudaSuccess) return machine().context;
    if (stream->capture != nullptr) return refuse_in_capture();
    if (event->stream == nullptr) return cudaSuccess;
    // The record that was the newest when the wait was asked for.
    return queue(stream, {"cudaStreamWaitEvent", [other = event->stream, after = event->after] { run(*other, after); }, {}});
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    check_context("an event", event->context);
    if (const cudaError_t status = refuse_in_capture()) return status;
    // More than is asked for: the whole stream.
    return event->stream == nullptr ? machine().context : cudaStreamSynchronize(event->stream);
}

// For who has loaded the emulated backend as a library: the next kernel that runs faults.
extern "C" __attribute__((visibility("default"))) void apo_emulation_fault() { machine().next_run = cudaErrorIllegalAddress; }
