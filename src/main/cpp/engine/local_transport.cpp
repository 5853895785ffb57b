#include "local_transport.h"

#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>

namespace apo {

namespace {

constexpr int32_t kNobody = -1;

enum class Call { barrier, all_gather, all_to_all, broadcast };

// What a rank comes with.
struct Brought {
    Call call;
    const void* data;
    size_t bytes;
};

// What the ranks share: where they meet, and what each brings.
struct Meeting {
    explicit Meeting(int32_t count) : brought(static_cast<size_t>(count)) {}

    std::mutex mutex;
    std::condition_variable all_here;
    int32_t waiting = 0;
    int64_t meetings = 0;
    int32_t gone = kNobody;  // the first rank that is not coming any more
    std::vector<Brought> brought;

    // Waits for all ranks; false, and for all of them, where one does not come any more.
    bool come() {
        std::unique_lock<std::mutex> lock(mutex);
        return gone == kNobody && wait(lock, true);
    }

    // Waits until all who have come are done with what the others brought, whatever happens: none is kept from it, and a rank that
    // went before would take its memory away under the others' hands.
    void part() {
        std::unique_lock<std::mutex> lock(mutex);
        wait(lock, false);
    }

    void leave(int32_t rank) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (gone == kNobody) gone = rank;
        all_here.notify_all();
    }

private:
    bool wait(std::unique_lock<std::mutex>& lock, bool may_fail) {
        const int64_t meeting = meetings;
        if (++waiting == int32_t(brought.size())) {
            waiting = 0;
            meetings++;
            all_here.notify_all();
            return true;
        }
        all_here.wait(lock, [&] { return meetings != meeting || (may_fail && gone != kNobody); });
        return meetings != meeting;
    }
};

struct Local {
    std::shared_ptr<Meeting> meeting;
    int32_t rank;
    char failure[128];

    // Brings `mine` and, where all ranks come to the same call, runs take(rank, theirs) for each of them.
    template <class Take>
    const char* exchange(Brought mine, Take take) {
        meeting->brought[size_t(rank)] = mine;
        if (!meeting->come()) {
            std::snprintf(failure, sizeof failure, "rank %d has ended", meeting->gone);
            return failure;
        }
        const char* failed = nullptr;
        for (size_t r = 0; r < meeting->brought.size() && failed == nullptr; r++) {
            const Brought& theirs = meeting->brought[r];
            if (theirs.call == mine.call && theirs.bytes == mine.bytes) continue;
            std::snprintf(failure, sizeof failure, "rank %zu is at another call, or at one of another size", r);
            failed = failure;
        }
        for (size_t r = 0; r < meeting->brought.size() && failed == nullptr; r++) take(r, static_cast<const char*>(meeting->brought[r].data));
        meeting->part();
        return failed;
    }
};

Local& local(void* context) { return *static_cast<Local*>(context); }

const char* barrier(void* context) {
    return local(context).exchange({Call::barrier, nullptr, 0}, [](size_t, const char*) {});
}

const char* all_gather(void* context, const void* send, size_t bytes, void* receive) {
    return local(context).exchange({Call::all_gather, send, bytes}, [&](size_t r, const char* theirs) {
        char* place = static_cast<char*>(receive) + r * bytes;
        if (place != theirs) std::memcpy(place, theirs, bytes);
    });
}

const char* all_to_all(void* context, const void* send, size_t bytes, void* receive) {
    Local& l = local(context);
    return l.exchange({Call::all_to_all, send, bytes},
                      [&](size_t r, const char* theirs) { std::memcpy(static_cast<char*>(receive) + r * bytes, theirs + size_t(l.rank) * bytes, bytes); });
}

const char* broadcast(void* context, void* data, size_t bytes, int32_t root) {
    Local& l = local(context);
    return l.exchange({Call::broadcast, data, bytes}, [&](size_t r, const char* theirs) {
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
