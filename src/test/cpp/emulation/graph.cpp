// Stream capture and graphs. A capture takes what is given to its stream, with arguments by value, and runs nothing; a graph
// runs it at each launch. Memory that was freed since the capture is found by its block's number, even if another block has its
// address by then.
#include <utility>

#include "error.h"
#include "stream.h"

namespace emulation {

struct Graph {
    std::vector<Work> nodes;
};

GraphCounts& graph_counts() {
    static GraphCounts counts;
    return counts;
}

cudaError_t refuse_in_capture() {
    bool captures = false;
    for (Stream* stream : streams()) {
        if (stream->capture == nullptr) continue;
        captures = stream->capture->invalid = true;
    }
    return captures ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

bool captures() {
    for (const Stream* stream : streams()) {
        if (stream->capture != nullptr) return true;
    }
    return false;
}

}  // namespace emulation

using namespace emulation;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    const Turn turn;
    if (machine().graphs.begin != cudaSuccess) return machine().graphs.begin;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    if (mode != cudaStreamCaptureModeThreadLocal) return cudaErrorInvalidValue;  // the others are not used here
    if (stream->capture != nullptr) return cudaErrorIllegalState;
    stream->capture = std::make_unique<Capture>();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    const Turn turn;
    *graph = nullptr;
    if (stream->capture == nullptr) return cudaErrorIllegalState;
    const std::unique_ptr<Capture> capture = std::exchange(stream->capture, nullptr);
    if (capture->invalid) {
        graph_counts().refused++;
        return cudaErrorStreamCaptureInvalidated;
    }
    *graph = new Graph{std::move(capture->nodes)};
    graph_counts().alive++;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
    const Turn turn;
    *executable = nullptr;
    if (machine().graphs.instantiate != cudaSuccess) return machine().graphs.instantiate;
    if (graph == nullptr || flags != 0) return cudaErrorInvalidValue;
    *executable = new Graph(*graph);
    graph_counts().made++;
    graph_counts().alive++;
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
    const Turn turn;
    if (machine().graphs.launch != cudaSuccess) return take_error(machine().graphs.launch);
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    if (executable == nullptr) return cudaErrorInvalidValue;
    for (const Work& node : executable->nodes) {
        for (const Block& block : node.blocks) {
            if (is_alive(block)) continue;
            apo::fail(APO_E_INTERNAL, "a graph launches %s with %p, in device memory that was freed after it was captured",
                      node.name.c_str(), reinterpret_cast<void*>(block.begin));
        }
    }
    for (const Work& node : executable->nodes) {
        if (const cudaError_t status = queue(stream, node)) return status;
    }
    graph_counts().launches++;
    return cudaSuccess;
}

// Work that is queued has its own copy of what it runs.
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return cudaGraphDestroy(executable); }

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    const Turn turn;
    if (graph == nullptr) return cudaErrorInvalidValue;
    delete graph;
    graph_counts().alive--;
    return cudaSuccess;
}
