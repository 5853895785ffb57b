// Recorded work of the CUDA backend, and what the emulation refuses while a stream captures.
#include "emulated_gpu.h"

#include <functional>

#include "family.h"
#include "test.h"

using namespace apo::cuda;
using namespace apo_test;

namespace {

__global__ void add_one(float* x, float by) { x[threadIdx.x] += by; }

// The graph of what the work gives to the device's stream.
cudaGraph_t captured(CudaDevice& device, const std::function<void()>& work) {
    CHECK(device.begin_recording() == cudaSuccess);
    work();
    cudaGraph_t graph = nullptr;
    CHECK(device.end_recording(&graph) == cudaSuccess);
    return graph;
}

// A recorder of the device; work is a function.
struct Recording {
    explicit Recording(CudaDevice& d) : device(d), recorder(*open_recorder(d)) {}
    ~Recording() { close_recorder(device, &recorder); }
    void repeat(int64_t key, const std::function<void()>& work) {
        apo::cuda::repeat(device, recorder, {key, [](void* f) { (*static_cast<const std::function<void()>*>(f))(); },
                                             const_cast<std::function<void()>*>(&work)});
    }
    CudaDevice& device;
    apo::Recorder& recorder;
};

}  // namespace

TEST(emulated_graphs_keep_arguments_and_run_at_each_launch) {
    if (options().cuda_index >= 0) return;
    Gpu gpu;
    cudaMemsetAsync(gpu.at, 0, 64 * sizeof(float), gpu.device->stream);
    float by = 1;
    const cudaGraph_t graph = captured(*gpu.device, [&] { APO_LAUNCH(*gpu.device, add_one, 1, 64, 0, gpu.at, by); });
    by = 100;
    CHECK(gpu.take()[0] == 0);
    cudaGraphExec_t executable = nullptr;
    CHECK(cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess && cudaGraphDestroy(graph) == cudaSuccess);
    for (int i = 0; i < 3; i++) CHECK(cudaGraphLaunch(executable, gpu.device->stream) == cudaSuccess);
    CHECK(gpu.take()[63] == 3);
    CHECK(cudaGraphExecDestroy(executable) == cudaSuccess);
}

TEST(emulated_captures_are_spoiled_by_what_cuda_forbids) {
    if (options().cuda_index >= 0) return;
    Gpu gpu;
    cudaStream_t stream = gpu.device->stream;
    cudaEvent_t event = nullptr;
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    cudaEventRecord(event, stream);
    void* memory = nullptr;
    void* pinned = nullptr;
    cudaMallocHost(&pinned, 64);
    const std::vector<std::function<cudaError_t()>> forbidden{
        [&] { return cudaStreamSynchronize(stream); },
        [&] { return cudaEventSynchronize(event); },
        [&] { return cudaEventRecord(event, stream); },
        [&] { return cudaMalloc(&memory, 64); },
        [&] { return cudaFree(gpu.at); },
        [&] { return cudaMallocHost(&memory, 64); },
        [&] { return cudaFreeHost(pinned); },
        [&] { return cudaMemcpyAsync(gpu.at, pinned, 64, cudaMemcpyHostToDevice, stream); },
        [&] { return cudaMemcpyAsync(pinned, gpu.at, 64, cudaMemcpyDeviceToHost, stream); },
    };
    for (const auto& call : forbidden) {
        CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
        CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaErrorIllegalState);
        CHECK(call() == cudaErrorStreamCaptureUnsupported);
        CHECK(cudaMemsetAsync(gpu.at, 0, 64, stream) == cudaErrorStreamCaptureInvalidated);
        cudaGraph_t graph = nullptr;
        CHECK(cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureInvalidated && graph == nullptr);
        CHECK(cudaStreamEndCapture(stream, &graph) == cudaErrorIllegalState);
    }
    CHECK(cudaFreeHost(pinned) == cudaSuccess && cudaEventDestroy(event) == cudaSuccess);
}

TEST(emulated_graphs_do_not_run_on_memory_that_was_freed) {
    if (options().cuda_index >= 0) return;
    Gpu gpu;
    void* memory = nullptr;
    CHECK(cudaMalloc(&memory, 256) == cudaSuccess);
    const cudaGraph_t graph = captured(*gpu.device, [&] {
        APO_LAUNCH(*gpu.device, add_one, 1, 64, 0, gpu.at, 1.0f);
        APO_LAUNCH(*gpu.device, add_one, 1, 64, 0, static_cast<float*>(memory), 1.0f);
    });
    cudaGraphExec_t executable = nullptr;
    CHECK(cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess && cudaGraphDestroy(graph) == cudaSuccess);
    CHECK(cudaGraphLaunch(executable, gpu.device->stream) == cudaSuccess);
    // The block that comes after may have the address of the one before.
    CHECK(cudaFree(memory) == cudaSuccess && cudaMalloc(&memory, 256) == cudaSuccess);
    const std::string stale = thrown([&] { cudaGraphLaunch(executable, gpu.device->stream); });
    CHECK(has(stale, "add_one") && has(stale, "freed after it was captured"));
    CHECK(cudaFree(memory) == cudaSuccess && cudaGraphExecDestroy(executable) == cudaSuccess);
}

TEST(copies_from_and_to_the_host_are_not_recorded) {
    if (options().cuda_index >= 0) return;
    Gpu gpu;
    gpu.give(std::vector<float>(64));
    Recording recording(*gpu.device);
    float one = 0;
    for (int i = 1; i <= 4; i++) {
        recording.repeat(1, [&] {
            one++;
            gpu.device->staging.to_device(*gpu.device, gpu.at, &one, sizeof one);
        });
    }
    CHECK(one == 5);  // once more, to record
    CHECK(gpu.take()[0] == 5);
    CHECK(has(recorder_notice(recording.recorder), "copies from the host"));
    CHECK(gpu.device->begin_recording() == cudaSuccess);
    CHECK(has(thrown([&] { gpu.device->staging.to_host(*gpu.device, &one, gpu.at, sizeof one); }), "copies to the host"));
    cudaGraph_t graph = nullptr;
    CHECK(gpu.device->end_recording(&graph) == cudaSuccess && cudaGraphDestroy(graph) == cudaSuccess);
}

TEST(graphs_of_the_keys_that_run_most_are_kept) {
    if (options().cuda_index >= 0) return;
    Gpu gpu;
    gpu.give(std::vector<float>(64));
    const emulation::GraphCounts before = emulation::graph_counts();
    auto made = [&] { return emulation::graph_counts().made - before.made; };
    auto launches = [&] { return emulation::graph_counts().launches - before.launches; };
    {
        Recording recording(*gpu.device);
        float expected = 0;
        auto run = [&](int key, int times) {
            for (int i = 0; i < times; i++) {
                recording.repeat(key, [&] { APO_LAUNCH(*gpu.device, add_one, 1, 64, 0, gpu.at, float(key)); });
                expected += float(key);
            }
        };
        for (int key = 0; key < 64; key++) run(key, 3);
        CHECK(made() == 64 && launches() == 2 * 64);
        run(100, 6);  // not more than twice as often as any
        CHECK(made() == 64);
        run(100, 4);
        CHECK(made() == 65 && launches() == 2 * 64 + 4 && emulation::graph_counts().alive == before.alive + 64);
        for (int key = 0; key < 64; key++) run(key, 1);
        CHECK(made() == 65 && launches() == 2 * 64 + 4 + 63);
        CHECK(gpu.take()[0] == expected);
    }
    CHECK(emulation::graph_counts().alive == before.alive);
}

TEST(scratch_that_grows_has_work_recorded_again) {
    if (options().cuda_index >= 0) return;
    Gpu gpu;
    gpu.give(std::vector<float>(64));
    Recording recording(*gpu.device);
    int called = 0;
    auto run = [&](int times) {
        for (int i = 0; i < times; i++) {
            recording.repeat(1, [&] {
                called++;
                ScratchScope scratch(*gpu.device);
                float* part = scratch.take<float>(64);
                cudaMemsetAsync(part, 0, 64 * sizeof(float), gpu.device->stream);
                APO_LAUNCH(*gpu.device, add_one, 1, 64, 0, part, 1.0f);
                cudaMemcpyAsync(gpu.at, part, 64 * sizeof(float), cudaMemcpyDeviceToDevice, gpu.device->stream);
            });
        }
    };
    run(5);
    CHECK(called == 2 && gpu.take()[0] == 1);
    {
        ScratchScope other(*gpu.device);
        other.take<char>(100);
        other.take<char>(int64_t(6) << 20);
    }
    run(5);
    CHECK(called == 4 && gpu.take()[0] == 1);
}
