#include "local_transport.h"

#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>

namespace apo {

namespace {

constexpr int32_t kNobody = -1;

// What the ranks share: where they meet, and what each brings.
struct Meeting {
    explicit Meeting(int32_t count) : brought(static_cast<size_t>(count)) {}

    std::mutex mutex;
    std::condition_variable all_here;
    int32_t waiting = 0;
    int64_t meetings = 0;
    int32_t gone = kNobody;  // the first rank that is not coming any more
    std::vector<const void*> brought;

    // Waits for all ranks; false where one does not come any more.
    bool wait() {
        std::unique_lock<std::mutex> lock(mutex);
        if (gone != kNobody) return false;
        const int64_t meeting = meetings;
        if (++waiting == int32_t(brought.size())) {
            waiting = 0;
            meetings++;
            all_here.notify_all();
            return true;
        }
        all_here.wait(lock, [&] { return meetings != meeting || gone != kNobody; });
        return meetings != meeting;
    }

    void leave(int32_t rank) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (gone == kNobody) gone = rank;
        all_here.notify_all();
    }
};

struct Local {
    std::shared_ptr<Meeting> meeting;
    int32_t rank;
    char failure[64];

    size_t size() const { return meeting->brought.size(); }

    const char* meet() {
        if (meeting->wait()) return nullptr;
        std::snprintf(failure, sizeof failure, "rank %d has ended", meeting->gone);
        return failure;
    }

    // Brings `mine` and runs take(rank, theirs) for each rank's, while all are there.
    template <class Take>
    const char* exchange(const void* mine, Take take) {
        meeting->brought[size_t(rank)] = mine;
        if (const char* failed = meet()) return failed;
        for (size_t r = 0; r < size(); r++) take(r, static_cast<const char*>(meeting->brought[r]));
        return meet();
    }
};

Local& local(void* context) { return *static_cast<Local*>(context); }

const char* barrier(void* context) { return local(context).meet(); }

const char* all_gather(void* context, const void* send, size_t bytes, void* receive) {
    return local(context).exchange(send, [&](size_t r, const char* theirs) {
        char* place = static_cast<char*>(receive) + r * bytes;
        if (place != theirs) std::memcpy(place, theirs, bytes);
    });
}

const char* all_to_all(void* context, const void* send, size_t bytes, void* receive) {
    Local& l = local(context);
    return l.exchange(send, [&](size_t r, const char* theirs) { std::memcpy(static_cast<char*>(receive) + r * bytes, theirs + size_t(l.rank) * bytes, bytes); });
}

const char* broadcast(void* context, void* data, size_t bytes, int32_t root) {
    Local& l = local(context);
    return l.exchange(data, [&](size_t r, const char* theirs) {
        if (int32_t(r) == root && l.rank != root) std::memcpy(data, theirs, bytes);
    });
}

void abort(void* context, int32_t) { local(context).meeting->leave(local(context).rank); }

void close(void* context) {
    Local* l = &local(context);
    l->meeting->leave(l->rank);
    delete l;
}

}  // namespace

std::vector<Transport> local_transports(int32_t size) {
    const auto meeting = std::make_shared<Meeting>(size);
    std::vector<Transport> transports;
    for (int32_t rank = 0; rank < size; rank++) {
        Transport t{};
        t.abi_version = kTransportAbiVersion;
        t.bytes = sizeof(Transport);
        t.rank = t.local_rank = rank;
        t.size = t.local_size = size;
        std::snprintf(t.name, sizeof t.name, "threads of one process");
        t.context = new Local{meeting, rank, {}};
        t.barrier = barrier;
        t.all_gather = all_gather;
        t.all_to_all = all_to_all;
        t.broadcast = broadcast;
        t.abort = abort;
        t.close = close;
        transports.push_back(t);
    }
    return transports;
}

}  // namespace apo
