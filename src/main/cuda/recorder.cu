// repeat: a step of decoding is hundreds of short kernels, and launching them one by one takes longer than some of them run. The
// stream records them as a CUDA graph, which is then launched as one.
//
// Work runs once as it is before it is recorded, so that scratch memory has its size, cuBLASLt its plans and each kernel its
// code and its attributes: none of these can be had while a stream records. A graph holds addresses. It goes with the others
// when the device's epoch changes, for then one of them may not be valid any more.
#include <map>

#include "device.h"
#include "family.h"

namespace apo {
namespace cuda {

namespace {

// A graph takes memory of the GPU, by the number of its kernels, that no plan counts: what is left is for those who need it.
constexpr int kMostGraphs = 64;
constexpr size_t kLeftFree = size_t(512) << 20;

class GraphRecorder final : public Recorder {
public:
    ~GraphRecorder() { forget(); }

    void repeat(CudaDevice& device, const Repeat& op) {
        if (refused_ || device.recording()) {
            op.work(op.context);
            return;
        }
        if (epoch_ != device.epoch) {
            forget();
            epoch_ = device.epoch;
            full_ = false;
        }
        const auto found = entries_.find(op.key);
        if (found == entries_.end()) {
            op.work(op.context);
            entries_[op.key].runs = 1;
            return;
        }
        Entry& entry = found->second;
        entry.runs++;
        const bool recorded = entry.graph != nullptr || (make_room(entry) && record(device, op, entry));
        if (!recorded || !replay(device, entry)) op.work(op.context);
    }

private:
    struct Entry {
        int64_t runs = 0;
        cudaGraphExec_t graph = nullptr;
        Site last{nullptr, nullptr, 0};  // its last kernel
    };

    bool has_memory() {
        size_t free_bytes = 0, total = 0;
        full_ = full_ || cudaMemGetInfo(&free_bytes, &total) != cudaSuccess || free_bytes < kLeftFree;
        return !full_;
    }

    // Graphs are those of the keys that run most. A key takes the place of another once it has run more than twice as often:
    // were it the least recent one's, keys that take turns would be recorded again and again.
    bool make_room(const Entry& entry) {
        Entry* least = nullptr;
        if (graphs_ == kMostGraphs) {
            for (auto& [key, other] : entries_) {
                if (other.graph != nullptr && (least == nullptr || other.runs < least->runs)) least = &other;
            }
            if (entry.runs <= 2 * least->runs) return false;
        }
        if (!has_memory()) return false;
        if (least != nullptr) drop(*least);
        return true;
    }

    bool record(CudaDevice& device, const Repeat& op, Entry& entry) {
        if (!device.begin_recording()) return refuse();
        bool whole = true;
        try {
            op.work(op.context);
        } catch (...) {  // what is wrong with the work itself shows again when it runs
            whole = false;
        }
        entry.last = device.last_launch();
        const cudaGraph_t graph = device.end_recording();
        if (graph == nullptr) return refuse();
        const bool made = whole && cudaGraphInstantiate(&entry.graph, graph, 0) == cudaSuccess;
        cudaGraphDestroy(graph);
        if (!made) {
            entry.graph = nullptr;
            return refuse();
        }
        graphs_++;
        return true;
    }

    // False where there is no memory for the graph to run.
    bool replay(CudaDevice& device, Entry& entry) {
        const cudaError_t status = cudaGraphLaunch(entry.graph, device.stream);
        if (status == cudaErrorMemoryAllocation) return refuse();
        device.check(status, APO_SITE("cudaGraphLaunch"));
        device.launched(entry.last);
        return true;
    }

    // From now on work runs as it is.
    bool refuse() {
        cudaGetLastError();  // clears what was met
        forget();
        refused_ = true;
        return false;
    }

    void drop(Entry& entry) {
        if (entry.graph == nullptr) return;
        cudaGraphExecDestroy(entry.graph);
        entry.graph = nullptr;
        graphs_--;
    }

    void forget() {
        for (auto& [key, entry] : entries_) drop(entry);
        entries_.clear();
    }

    std::map<int64_t, Entry> entries_;  // of the keys that have run in this epoch
    int graphs_ = 0;
    uint64_t epoch_ = 0;
    bool full_ = false;  // in this epoch there was no memory for one more
    bool refused_ = false;
};

}  // namespace

Recorder* open_recorder(Device&) { return new GraphRecorder; }

void close_recorder(Device& device, Recorder* recorder) {
    cudaSetDevice(static_cast<CudaDevice&>(device).index);
    delete static_cast<GraphRecorder*>(recorder);
}

void repeat(Device& device, Recorder& recorder, const Repeat& op) { static_cast<GraphRecorder&>(recorder).repeat(gpu(device), op); }

}  // namespace cuda
}  // namespace apo
