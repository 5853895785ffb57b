#include "local_transport.h"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>

#include "late_ranks.h"

namespace apo {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int32_t kNobody = -1;
// A rank that waits elsewhere is there still if it has said so within that.
constexpr auto kSaid = std::chrono::seconds(1);

enum class Call { barrier, all_gather, all_to_all, broadcast };
constexpr const char* kPlaces[] = {"a barrier", "a gather", "an exchange", "a broadcast"};

// What a rank comes with.
struct Brought {
    Call call;
    const void* data;
    size_t bytes;
};

// What the ranks share: where they meet, and what each brings.
struct Meeting {
    explicit Meeting(int32_t count) : brought(static_cast<size_t>(count)), here(brought.size()), said(brought.size()) {}

    std::mutex mutex;
    std::condition_variable all_here;
    int32_t waiting = 0;
    int64_t meetings = 0;
    int32_t gone = kNobody;  // the first rank that is not coming any more
    std::vector<Brought> brought;
    std::vector<char> here;               // who has come to the next meeting
    std::vector<Clock::time_point> said;  // when a rank last said that it waits elsewhere

    // Waits for all ranks, `limit` seconds where that is not 0; false, and for all of them, where one does not come any more, or not by
    // then: `late` says so of the rank that has waited too long.
    bool come(int32_t rank, double limit, std::string* late) {
        std::unique_lock<std::mutex> lock(mutex);
        if (gone != kNobody) return false;
        here[size_t(rank)] = 1;
        if (wait(lock, true, limit)) return true;
        if (gone != kNobody) return false;
        *late = late_ranks(here, limit, kPlaces[size_t(brought[size_t(rank)].call)]);
        gone = rank;
        all_here.notify_all();
        return false;
    }

    // As of a wait that has lasted for `waited` seconds elsewhere; what it says where that is too long.
    std::string overdue(int32_t rank, double limit, double waited) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (gone != kNobody) return "rank " + std::to_string(gone) + " has ended";
        const Clock::time_point now = Clock::now();
        said[size_t(rank)] = now;
        if (limit == 0 || waited < limit) return "";
        std::vector<char> waiting(here);
        for (size_t r = 0; r < waiting.size(); r++) waiting[r] |= char(now - said[r] < kSaid);
        gone = rank;
        all_here.notify_all();
        return late_ranks(waiting, waited, "collectives of GPUs");
    }

    // Waits until all who have come are done with what the others brought, whatever happens: none is kept from it, and a rank that
    // went before would take its memory away under the others' hands.
    void part() {
        std::unique_lock<std::mutex> lock(mutex);
        wait(lock, false, 0);
    }

    void leave(int32_t rank) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (gone == kNobody) gone = rank;
        all_here.notify_all();
    }

private:
    bool wait(std::unique_lock<std::mutex>& lock, bool may_fail, double limit) {
        const int64_t meeting = meetings;
        if (++waiting == int32_t(brought.size())) {
            waiting = 0;
            meetings++;
            here.assign(here.size(), 0);
            all_here.notify_all();
            return true;
        }
        const auto over = [&] { return meetings != meeting || (may_fail && gone != kNobody); };
        if (limit == 0) {
            all_here.wait(lock, over);
        } else {
            all_here.wait_for(lock, std::chrono::duration<double>(limit), over);
        }
        return meetings != meeting;
    }
};

struct Local {
    std::shared_ptr<Meeting> meeting;
    int32_t rank;
    double limit = 0;
    std::string failure = {};

    // Brings `mine` and, where all ranks come to the same call, runs take(rank, theirs) for each of them.
    template <class Take>
    const char* exchange(Brought mine, Take take) {
        meeting->brought[size_t(rank)] = mine;
        if (!meeting->come(rank, limit, &(failure = ""))) {
            if (failure.empty()) failure = "rank " + std::to_string(meeting->gone) + " has ended";
            return failure.c_str();
        }
        const char* failed = nullptr;
        for (size_t r = 0; r < meeting->brought.size() && failed == nullptr; r++) {
            const Brought& theirs = meeting->brought[r];
            if (theirs.call == mine.call && theirs.bytes == mine.bytes) continue;
            failure = "rank " + std::to_string(r) + " is at another call, or at one of another size";
            failed = failure.c_str();
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

void limit(void* context, double seconds) { local(context).limit = seconds; }

const char* overdue(void* context, double waited) {
    Local& l = local(context);
    l.failure = l.meeting->overdue(l.rank, l.limit, waited);
    return l.failure.empty() ? nullptr : l.failure.c_str();
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
        t.context = new Local{meeting, rank};
        t.barrier = barrier;
        t.all_gather = all_gather;
        t.all_to_all = all_to_all;
        t.broadcast = broadcast;
        t.limit = limit;
        t.overdue = overdue;
        t.abort = abort;
        t.close = close;
        transports.push_back(t);
    }
    return transports;
}

}  // namespace apo
