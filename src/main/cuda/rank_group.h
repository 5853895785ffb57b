// What a device has of its ranks: the communicator, and for each lane of collectives a stream beside the ops'.
#pragma once

#include "communicator.h"

namespace apo {
namespace cuda {

class RankGroup {
public:
    RankGroup(CudaDevice& device, const Transport& transport);
    RankGroup(const RankGroup&) = delete;

    // The lane's stream, for a collective that begins when the ops so far are done.
    cudaStream_t begin(Lane lane);
    // To be called when the collective is in the stream.
    void end(Lane lane);
    // Ops from here on see what all but the last `pending` collectives of the lane have done.
    void await(Lane lane, int32_t pending);

private:
    static constexpr int64_t kKept = 8;  // the collectives that can be told apart
    struct Queue {
        ~Queue();
        cudaStream_t stream = nullptr;
        cudaEvent_t done[kKept] = {};
        int64_t count = 0;  // of collectives so far
    };
    Queue& queue(Lane lane) { return queues_[size_t(lane)]; }

    CudaDevice& device_;
    Queue queues_[2];

public:
    Communicator communicator;  // behind the queues, for it to be closed before they are
};

// Of a device that has joined ranks. Throws where work is recorded.
RankGroup& group_of(CudaDevice& device);

}  // namespace cuda
}  // namespace apo
