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

// What a device has beside its memory (memory.cpp).
struct Gpu {
    uint64_t context = 1;
    cudaError_t fault = cudaSuccess;
    std::vector<Stream*> streams;
};

Gpu& current_gpu() {
    static std::map<int, Gpu> all;
    return all[current_device()];
}

void give_up_work(Stream& stream) {
    stream.queue.clear();
    stream.done = stream.queued;
}

// Of the first piece of work in the queue.
bool is_ready(const Stream& stream) {
    const std::function<bool()> ready = stream.queue.front().ready;
    return !ready || ready();
}

class Visit {
public:
    explicit Visit(Stream& stream) : stream_(stream), before_(std::exchange(current_device(), stream.device)) { stream.visitors++; }
    ~Visit() {
        stream_.visitors--;
        current_device() = before_;
        Turn::changed();
    }

private:
    Stream& stream_;
    const int before_;
};

}  // namespace

int& current_device() {
    static thread_local int index = 0;
    return index;
}

uint64_t context() { return current_gpu().context; }

cudaError_t& fault_of_context() { return current_gpu().fault; }

void check_context(const char* what, uint64_t of) {
    if (of != context()) apo::fail(APO_E_INTERNAL, "%s of a context that was reset is used", what);
}

void run(Stream& stream, uint64_t until) {
    const Visit visit(stream);
    check_context("a stream", stream.context);
    if (stream.fault) std::rethrow_exception(std::exchange(stream.fault, nullptr));
    const std::thread::id nobody;
    std::unique_ptr<DeviceMemoryOpen> open;
    while (stream.done < until && (stream.runner != nobody || !stream.queue.empty())) {
        if (stream.runner == std::this_thread::get_id()) apo::fail(APO_E_INTERNAL, "a stream waits for itself");
        if (stream.runner != nobody) {
            Turn::wait();
            continue;
        }
        if (!is_ready(stream)) {
            Turn::pause();
            continue;
        }
        if (!open) open = std::make_unique<DeviceMemoryOpen>();
        const std::function<void()> work = std::move(stream.queue.front().run);
        stream.queue.pop_front();
        stream.runner = std::this_thread::get_id();
        try {
            work();
        } catch (...) {
            stream.runner = nobody;
            give_up_work(stream);
            throw;
        }
        stream.runner = nobody;
        stream.done++;
        Turn::changed();
        if (fault_of_context() != cudaSuccess) give_up_work(stream);
    }
}

void run_quietly(Stream& stream, uint64_t until) {
    try {
        run(stream, until);
    } catch (...) {
        stream.fault = std::current_exception();
    }
}

bool try_run(Stream& stream, uint64_t until) {
    const Visit visit(stream);
    const std::thread::id nobody;
    if (stream.runner == std::this_thread::get_id()) return true;  // run says what is wrong
    while (stream.done < until && !stream.fault && stream.runner == nobody && !stream.queue.empty() && is_ready(stream)) run_quietly(stream, stream.done + 1);
    return stream.done >= until || stream.fault;
}

void run_all_quietly() {
    for (Stream* stream : streams()) run_quietly(*stream);
}

std::vector<Stream*>& streams() { return current_gpu().streams; }

cudaError_t queue(Stream* stream, Work work) {
    if (stream == nullptr) apo::fail(APO_E_INTERNAL, "the default stream is not used here");
    check_context("a stream", stream->context);
    if (stream->capture == nullptr) {
        if (machine().dry) return cudaSuccess;
        work.blocks.clear();  // which a capture asks for
        stream->queue.push_back(std::move(work));
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
    if (error == cudaErrorIllegalAddress) fault_of_context() = error;
    return error;
}

cudaError_t queue_kernel(const Launch& launch, cudaStream_t stream, std::vector<Block> blocks, std::function<void()> body) {
    const Turn turn;
    if (stream->capture != nullptr && machine().graphs.captured != cudaSuccess) {
        stream->capture->invalid = true;
        return machine().graphs.captured;
    }
    if (machine().next_launch != cudaSuccess) return take_error(machine().next_launch);
    if (fault_of_context() != cudaSuccess) return fault_of_context();
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

cudaError_t cudaSetDevice(int index) {
    if (index < 0 || index >= machine().devices) return cudaErrorInvalidDevice;
    current_device() = index;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
    switch (which) {
        case cudaDevAttrMultiProcessorCount: *value = machine().limits.multiprocessors; break;
        case cudaDevAttrComputeCapabilityMajor: *value = machine().limits.major(); break;
        case cudaDevAttrComputeCapabilityMinor: *value = machine().limits.minor(); break;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = int(machine().limits.shared_block); break;
    }
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
    std::snprintf(properties->name, sizeof properties->name, "emulated GPU");
    // Of the GPUs of this machine, of which a process may see some: those from a number on.
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
    const int first = visible == nullptr ? 0 : std::atoi(visible);
    std::snprintf(properties->uuid.bytes, sizeof properties->uuid.bytes, "emulated %d", machine().one_gpu ? 0 : first + index);
    return cudaSuccess;
}

cudaError_t cudaDeviceReset() {
    const Turn turn;
    for (Stream* stream : streams()) give_up_work(*stream);
    forget_memory();
    forget_attributes();
    fault_of_context() = cudaSuccess;
    current_gpu().context++;
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

cudaError_t cudaGetLastError() {
    const Turn turn;
    return fault_of_context();
}

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
    const Turn turn;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    *stream = new Stream;
    streams().push_back(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    const Turn turn;
    run_quietly(*stream);
    while (stream->visitors > 0) Turn::wait();
    streams().erase(std::find(streams().begin(), streams().end(), stream));
    delete stream;
    return fault_of_context();
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    const Turn turn;
    if (const cudaError_t status = refuse_in_capture()) return status;
    run(*stream);
    return fault_of_context();
}

namespace {

// Who asks again and again comes to an end: each time a piece of work is done.
cudaError_t progress(Stream& stream, uint64_t until) {
    if (stream.done < until && stream.runner == std::thread::id() && is_ready(stream)) run_quietly(stream, stream.done + 1);
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    return stream.done >= until || stream.fault ? cudaSuccess : cudaErrorNotReady;  // who then waits meets the fault
}

}  // namespace

// Null stands for the default stream, of which the context's state alone is asked.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
    const Turn turn;
    if (const cudaError_t status = refuse_in_capture()) return status;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    return stream == nullptr ? cudaSuccess : progress(*stream, stream->queued);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    const Turn turn;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    *event = new Event;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    const Turn turn;
    delete event;
    return fault_of_context();
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    const Turn turn;
    check_context("an event", event->context);
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    // Stricter than CUDA, where the event would then stand for a place in the graph and could not be waited for.
    if (stream->capture != nullptr) return refuse_in_capture();
    event->stream = stream;
    event->after = stream->queued;
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    const Turn turn;
    check_context("an event", event->context);
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    if (stream->capture != nullptr) return refuse_in_capture();
    if (event->stream == nullptr) return cudaSuccess;
    // The record that was the newest when the wait was asked for.
    return queue(stream, {"cudaStreamWaitEvent", [other = event->stream, after = event->after] { run(*other, after); }, {},
                          [other = event->stream, after = event->after] { return try_run(*other, after); }});
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    const Turn turn;
    check_context("an event", event->context);
    if (const cudaError_t status = refuse_in_capture()) return status;
    // More than is asked for: the whole stream.
    return event->stream == nullptr ? fault_of_context() : cudaStreamSynchronize(event->stream);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    const Turn turn;
    check_context("an event", event->context);
    if (const cudaError_t status = refuse_in_capture()) return status;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    return event->stream == nullptr ? cudaSuccess : progress(*event->stream, event->after);
}

// For who has loaded the emulated backend as a library: the next kernel that runs faults.
extern "C" __attribute__((visibility("default"))) void apo_emulation_fault() { machine().next_run = cudaErrorIllegalAddress; }
