// Collectives of ranks. All ranks make them in one order, whatever the lane, and NCCL keeps it within a communicator: none waits for one
// that comes later.
#include "family.h"
#include "launch.h"
#include "rank_group.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;

__global__ void accumulate_kernel(int64_t n, const float* x, float* y) {
    const int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x;
    if (i < n) y[i] += x[i];
}

}  // namespace

RankGroup::RankGroup(CudaDevice& device, const Transport& transport) : device_(device), communicator(device, transport) {
    for (Queue& each : queues_) {
        APO_CUDA_CALL(device, cudaStreamCreateWithFlags(&each.stream, cudaStreamNonBlocking));
        for (cudaEvent_t& event : each.done) APO_CUDA_CALL(device, cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    }
}

RankGroup::Queue::~Queue() {
    for (cudaEvent_t event : done) {
        if (event != nullptr) cudaEventDestroy(event);
    }
    if (stream != nullptr) cudaStreamDestroy(stream);
}

cudaStream_t RankGroup::begin(Lane lane) {
    APO_CUDA_CALL(device_, cudaEventRecord(device_.ops_done, device_.stream));
    APO_CUDA_CALL(device_, cudaStreamWaitEvent(queue(lane).stream, device_.ops_done, 0));
    return queue(lane).stream;
}

void RankGroup::end(Lane lane) {
    Queue& q = queue(lane);
    APO_CUDA_CALL(device_, cudaEventRecord(q.done[q.count % kKept], q.stream));
    q.count++;
}

void RankGroup::await(Lane lane, int32_t pending) {
    Queue& q = queue(lane);
    const int64_t left = pending < kKept ? pending : kKept - 1;  // the oldest that is kept, where it is more
    if (q.count <= left) return;
    APO_CUDA_CALL(device_, cudaStreamWaitEvent(device_.stream, q.done[(q.count - 1 - left) % kKept], 0));
}

RankGroup& group_of(CudaDevice& device) {
    if (device.recording()) fail(APO_E_INTERNAL, "cuda:%d: work that is recorded has collectives of ranks", device.index);
    return *device.group;
}

void open_group(Device& device, const Transport& transport) {
    CudaDevice& d = gpu(device);
    d.group = std::make_unique<RankGroup>(d, transport);
}

void reduce_scatter(Device& device, const ReduceScatter& op) {
    CudaDevice& d = gpu(device);
    RankGroup& group = group_of(d);
    const cudaStream_t stream = group.begin(Lane::gradients);
    float* own = op.unit + group.communicator.rank() * op.part;
    group.communicator.reduce_scatter(op.unit, op.accumulate ? own : op.out, size_t(op.part), stream);
    if (op.accumulate) {
        APO_LAUNCH_ON(d, stream, accumulate_kernel, blocks_for(op.part, kThreads), kThreads, 0, op.part, static_cast<const float*>(own), op.out);
    }
    group.end(Lane::gradients);
}

void all_gather(Device& device, const AllGather& op) {
    CudaDevice& d = gpu(device);
    RankGroup& group = group_of(d);
    group.communicator.all_gather(op.unit, op.bytes, group.begin(Lane::weights));
    group.end(Lane::weights);
}

void await_lane(Device& device, const AwaitLane& op) { group_of(gpu(device)).await(op.lane, op.pending); }

}  // namespace cuda
}  // namespace apo
