// The GPUs of a run's ranks, joined by NCCL.
#pragma once

#include <chrono>
#include <string>

#include "device.h"
#include "nccl.h"

namespace apo {
namespace cuda {

class Communicator {
public:
    // Collective: brings the ranks of a transport together, a GPU each. Throws APO_E_DEVICE, on all of them, where NCCL is missing, too
    // old or not the same everywhere, or where two ranks are on one GPU.
    Communicator(CudaDevice& device, const Transport& transport);
    // Collective; ranks that do not come are waited for a while.
    ~Communicator();
    Communicator(const Communicator&) = delete;

    int rank() const { return rank_; }

    // receive(count) = the sum over ranks of send(ranks, count) of each at this rank's place, which receive may be.
    void reduce_scatter(const float* send, float* receive, size_t count, cudaStream_t stream);
    // receive(ranks, bytes): each rank's, which stands at its place already, comes to all.
    void all_gather(void* receive, size_t bytes, cudaStream_t stream);

    // Waits until query() is not cudaErrorNotReady. The GPU waits for other ranks without an end: throws where one of them has failed, or
    // has been waited for as long as the transport's limit.
    template <class Query>
    void await(Query query) {
        const auto begun = std::chrono::steady_clock::now();
        for (int64_t asked = 0; query() == cudaErrorNotReady; asked++) {
            if (asked % kAskedBetweenChecks == 0) check();
            if (asked % kAskedBetweenLooks == kAskedBetweenLooks - 1) check_time(begun);
            pause(asked);
        }
        check();
    }

private:
    static constexpr int64_t kAskedBetweenChecks = 16, kAskedBetweenLooks = 1024;

    // Throws where the exchange has failed.
    void check();
    // Throws where a wait that began then is overdue.
    void check_time(std::chrono::steady_clock::time_point begun);
    // Of a call, whose work is in its stream when this returns.
    void done(nccl::Result result, const char* call);
    // The result of what was begun, when it is known.
    nccl::Result outcome(nccl::Result result);
    // Gives the exchange up, so that nothing waits for it any more, and throws.
    [[noreturn]] void failed(nccl::Result result, const char* call);
    std::string text(nccl::Result result) const;
    static void pause(int64_t turn);

    const nccl::Functions* nccl_ = nullptr;
    CudaDevice& device_;
    const Transport& transport_;
    const int rank_, size_;
    nccl::Comm comm_ = nullptr;  // null once it is given up
};

}  // namespace cuda
}  // namespace apo
