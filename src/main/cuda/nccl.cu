// The communicator does not block: calls return at once and are asked after, for what waits in NCCL itself could not be given up when
// another rank fails.
#include <cstring>
#include <thread>
#include <vector>

#include "communicator.h"

namespace apo {
namespace cuda {

namespace {

constexpr auto kLongestGoodbye = std::chrono::seconds(10);
// For a rank that has failed to tell why, and to end this one too.
constexpr auto kTelling = std::chrono::seconds(2);

// What ranks tell each other before they are joined.
struct Card {
    char gpu[16];      // its number in the world
    int32_t version;   // of NCCL; 0 for none that serves
    int32_t index;     // of the GPU on its machine
};

void exchanged(const Transport& transport, const char* failure) {
    if (failure != nullptr) fail(APO_E_DEVICE, "rank %d of %d: %s", transport.rank, transport.size, failure);
}

std::string version_text(int version) {
    return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." + std::to_string(version % 100);
}

int version_of(const nccl::Functions& nccl) {
    int version = 0;
    if (nccl.get_version(&version) != nccl::kSuccess) fail(APO_E_DEVICE, "NCCL does not tell its version; install NCCL 2.14 or later");
    if (version < 10000) version = version / 1000 * 10000 + version % 1000;  // of 2.8 and before
    if (version < nccl::kOldest) {
        fail(APO_E_DEVICE, "NCCL is %s; ranks on GPUs need 2.14 or later (apt: libnccl2, pip: nvidia-nccl-cu13)", version_text(version).c_str());
    }
    return version;
}

// The same verdict on all ranks, which see the same cards.
void compare(const std::vector<Card>& cards) {
    for (size_t a = 0; a < cards.size(); a++) {
        if (cards[a].version == 0) fail(APO_E_DEVICE, "rank %zu of %zu has no NCCL that serves; it says why", a, cards.size());
        if (cards[a].version != cards[0].version) {
            fail(APO_E_DEVICE, "rank 0 has NCCL %s and rank %zu has %s; install the same on all machines", version_text(cards[0].version).c_str(), a,
                 version_text(cards[a].version).c_str());
        }
        for (size_t b = 0; b < a; b++) {
            if (std::memcmp(cards[a].gpu, cards[b].gpu, sizeof cards[a].gpu) != 0) continue;
            fail(APO_E_DEVICE, "ranks %zu and %zu are both on one GPU, cuda:%d; each rank needs a GPU of its own: start as many ranks as there are GPUs, or use --device cpu",
                 b, a, int(cards[a].index));
        }
    }
}

}  // namespace

Communicator::Communicator(CudaDevice& device, const Transport& transport) : device_(device), transport_(transport), rank_(transport.rank), size_(transport.size) {
    Card mine{};
    cudaDeviceProp properties;
    APO_CUDA_CALL(device, cudaGetDeviceProperties(&properties, device.index));
    static_assert(sizeof properties.uuid.bytes == sizeof mine.gpu, "its size");
    std::memcpy(mine.gpu, properties.uuid.bytes, sizeof mine.gpu);
    mine.index = device.index;
    std::string missing;
    try {
        nccl_ = &nccl::functions();
        mine.version = version_of(*nccl_);
    } catch (const Error& e) {  // the others are told before it is thrown
        missing = e.what();
    }
    std::vector<Card> cards(static_cast<size_t>(size_));
    exchanged(transport, transport.all_gather(transport.context, &mine, sizeof mine, cards.data()));
    if (!missing.empty()) fail(APO_E_DEVICE, "%s", missing.c_str());
    compare(cards);

    struct {
        nccl::UniqueId id;
        nccl::Result result;
    } first{};
    if (rank_ == 0) first.result = nccl_->get_unique_id(&first.id);
    exchanged(transport, transport.broadcast(transport.context, &first, sizeof first, 0));
    if (first.result != nccl::kSuccess) fail(APO_E_DEVICE, "NCCL does not start on rank 0: %s", nccl_->get_error_string(first.result));
    nccl::Config config;
    done(nccl_->comm_init_rank_config(&comm_, size_, first.id, rank_, &config), "ncclCommInitRankConfig");
}

Communicator::~Communicator() {
    if (comm_ == nullptr) return;
    // What the others may still wait for is let through, unless they do not come to their end.
    nccl::Result result = device_.lost() == cudaSuccess ? nccl_->comm_finalize(comm_) : nccl::kRemoteError;
    const auto end = std::chrono::steady_clock::now() + kLongestGoodbye;
    for (int64_t turn = 0; result == nccl::kSuccess || result == nccl::kInProgress; turn++) {
        if (nccl_->comm_get_async_error(comm_, &result) != nccl::kSuccess || result != nccl::kInProgress) break;
        if (std::chrono::steady_clock::now() > end) break;
        pause(turn);
    }
    if (result == nccl::kSuccess) {
        nccl_->comm_destroy(comm_);
    } else {
        nccl_->comm_abort(comm_);
    }
}

void Communicator::reduce_scatter(const float* send, float* receive, size_t count, cudaStream_t stream) {
    check();
    done(nccl_->reduce_scatter(send, receive, count, nccl::kFloat32, nccl::kSum, comm_, stream), "ncclReduceScatter");
}

void Communicator::all_gather(void* receive, size_t bytes, cudaStream_t stream) {
    check();
    const char* own = static_cast<const char*>(receive) + size_t(rank_) * bytes;
    done(nccl_->all_gather(own, receive, bytes, nccl::kInt8, comm_, stream), "ncclAllGather");
}

void Communicator::check() {
    if (comm_ == nullptr) {
        device_.check(device_.lost(), APO_SITE("a collective"));
        fail(APO_E_DEVICE, "cuda:%d: rank %d of %d has left the others after a failure; start the ranks again", device_.index, rank_, size_);
    }
    nccl::Result result = nccl::kSuccess;
    const nccl::Result asked = nccl_->comm_get_async_error(comm_, &result);
    if (asked != nccl::kSuccess) failed(asked, "ncclCommGetAsyncError");
    if (result != nccl::kSuccess && result != nccl::kInProgress) failed(result, "a collective");
}

void Communicator::check_time(std::chrono::steady_clock::time_point begun) {
    const char* late = transport_.overdue(transport_.context, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
    if (late == nullptr) return;
    nccl_->comm_abort(comm_);
    comm_ = nullptr;
    fail(APO_E_DEVICE, "cuda:%d: rank %d of %d: %s", device_.index, rank_, size_, late);
}

void Communicator::done(nccl::Result result, const char* call) {
    result = outcome(result);
    if (result != nccl::kSuccess) failed(result, call);
}

nccl::Result Communicator::outcome(nccl::Result result) {
    const auto begun = std::chrono::steady_clock::now();
    for (int64_t turn = 0; result == nccl::kInProgress; turn++) {
        const nccl::Result asked = nccl_->comm_get_async_error(comm_, &result);
        if (asked != nccl::kSuccess) return asked;
        if (turn % kAskedBetweenLooks == kAskedBetweenLooks - 1) check_time(begun);
        pause(turn);
    }
    return result;
}

void Communicator::failed(nccl::Result result, const char* call) {
    const std::string why = text(result);
    if (comm_ != nullptr) nccl_->comm_abort(comm_);
    comm_ = nullptr;
    device_.check(device_.lost(), Site{call, __FILE__, __LINE__});  // the cause, where it is this GPU
    const auto end = std::chrono::steady_clock::now() + kTelling;
    while (result == nccl::kRemoteError && transport_.overdue(transport_.context, 0) == nullptr && std::chrono::steady_clock::now() < end) pause(INT64_MAX);
    fail(APO_E_DEVICE, "cuda:%d: rank %d of %d: %s in %s; %s", device_.index, rank_, size_, why.c_str(), call,
         result == nccl::kRemoteError ? "another rank has failed or ended, see what it says" : "NCCL_DEBUG=WARN tells more; or use --device cpu");
}

std::string Communicator::text(nccl::Result result) const {
    std::string text = nccl_->get_error_string(result);
    const char* last = comm_ == nullptr ? nullptr : nccl_->get_last_error(comm_);
    if (last == nullptr || *last == '\0') return text;
    return text + " (" + std::string(last, std::strcspn(last, "\r\n")) + ")";
}

// Most waits are short; one that is not leaves the core to others.
void Communicator::pause(int64_t turn) {
    if (turn < 1000) {
        std::this_thread::yield();
    } else {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
}

}  // namespace cuda
}  // namespace apo
