// repeat: a step of decoding is hundreds of short kernels, and launching them one by one takes longer than some of them run. The
// stream records them as a CUDA graph, which is then launched as one.
//
// Work runs once as it is before it is recorded, so that scratch memory has its size, cuBLASLt its plans and each kernel its
// code and its attributes: none of these can be had while a stream records. A graph holds addresses. It goes with the others
// when the device's epoch changes, for then one of them may not be valid any more.
#include <map>
#include <string>

#include "device.h"
#include "family.h"

namespace apo {
namespace cuda {

namespace {

// A graph takes memory of the GPU, by the number of its kernels, that no plan counts: what is left is for those who need it.
constexpr int kMostGraphs = 64;
constexpr size_t kLeftFree = size_t(512) << 20;
// Runs of work as it is after a failure, before recording is tried again; each failure in a row doubles them.
constexpr int64_t kRunsBetweenTries = 64, kMostRunsBetweenTries = kRunsBetweenTries << 10;

class GraphRecorder final : public Recorder {
public:
    ~GraphRecorder() { forget(); }

    void repeat(CudaDevice& device, const Repeat& op) {
        if (waiting_ > 0 || device.recording()) {
            if (waiting_ > 0) waiting_--;
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

    const char* notice() {
        said_ = std::move(notice_);
        notice_.clear();
        return said_.empty() ? nullptr : said_.c_str();
    }

private:
    struct Entry {
        int64_t runs = 0;
        cudaGraphExec_t graph = nullptr;
        Site last{nullptr, nullptr, 0};  // its last kernel
    };

    bool has_memory() {
        if (full_) return false;
        size_t free_bytes = 0, total = 0;
        full_ = cudaMemGetInfo(&free_bytes, &total) != cudaSuccess || free_bytes < kLeftFree;
        if (full_) say("less than " + std::to_string(kLeftFree >> 20) + " MiB of the GPU's memory are free");
        return !full_;
    }

    // Of one trouble, once.
    void say(const std::string& trouble) {
        if (trouble == trouble_) return;
        trouble_ = trouble;
        notice_ = "repeated work is not recorded as CUDA graphs (" + trouble + "): its kernels are launched one by one, to the same results and slower";
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
        cudaError_t status = device.begin_recording();
        if (status != cudaSuccess) return refuse("cudaStreamBeginCapture", status);
        std::string why;
        try {
            op.work(op.context);
        } catch (const std::exception& e) {  // what is wrong with the work itself shows again when it runs
            why = e.what();
        }
        entry.last = device.last_launch();
        cudaGraph_t graph = nullptr;
        status = device.end_recording(&graph);
        if (!why.empty()) {
            if (graph != nullptr) cudaGraphDestroy(graph);
            return refuse(why);
        }
        if (status != cudaSuccess) return refuse("cudaStreamEndCapture", status);
        status = cudaGraphInstantiate(&entry.graph, graph, 0);
        cudaGraphDestroy(graph);
        if (status != cudaSuccess) {
            entry.graph = nullptr;
            return refuse("cudaGraphInstantiate", status);
        }
        graphs_++;
        return true;
    }

    // False where there is no memory for the graph to run.
    bool replay(CudaDevice& device, Entry& entry) {
        const cudaError_t status = cudaGraphLaunch(entry.graph, device.stream);
        if (status == cudaErrorMemoryAllocation) return refuse("cudaGraphLaunch", status);
        device.check(status, APO_SITE("cudaGraphLaunch"));
        device.launched(entry.last);
        between_tries_ = kRunsBetweenTries;
        return true;
    }

    bool refuse(const char* call, cudaError_t status) {
        return refuse(std::string(call) + ": " + cudaGetErrorString(status));
    }
    // Work runs as it is for a while.
    bool refuse(const std::string& trouble) {
        cudaGetLastError();  // clears what was met
        forget();
        say(trouble);
        waiting_ = between_tries_;
        if (between_tries_ < kMostRunsBetweenTries) between_tries_ *= 2;
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
    int64_t waiting_ = 0, between_tries_ = kRunsBetweenTries;
    std::string trouble_, notice_, said_;  // the latest; to be said; what was said last
};

}  // namespace

Recorder* open_recorder(Device&) { return new GraphRecorder; }

void close_recorder(Device& device, Recorder* recorder) {
    cudaSetDevice(static_cast<CudaDevice&>(device).index);
    delete static_cast<GraphRecorder*>(recorder);
}

int64_t repeat_rows(Device&, int64_t rows) {
    const int64_t step = rows <= 4 ? 1 : (rows <= 32 ? 4 : (rows <= 64 ? 8 : kMostFilling));
    return (rows + step - 1) / step * step;
}

const char* recorder_notice(Recorder& recorder) { return static_cast<GraphRecorder&>(recorder).notice(); }

void repeat(Device& device, Recorder& recorder, const Repeat& op) { static_cast<GraphRecorder&>(recorder).repeat(gpu(device), op); }

}  // namespace cuda
}  // namespace apo
