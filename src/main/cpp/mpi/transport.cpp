// A transport over MPI: what a launcher's processes have in common, in libmetaapo_mpi.so.
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "late_ranks.h"
#include "plugin.h"

namespace {

using apo::Transport;
using Clock = std::chrono::steady_clock;

// A rank that waits looks without a pause at first, for within a step the others are near, and then ever more seldom.
constexpr auto kLooking = std::chrono::microseconds(200);
constexpr auto kShortestSleep = std::chrono::microseconds(50), kLongestSleep = std::chrono::microseconds(1000);

enum Kind : int64_t { kBarrier, kAllGather, kAllToAll, kBroadcast };
constexpr const char* kKinds[] = {"barrier", "gather", "exchange", "broadcast"};

// A rank that has waited for too long asks who waits too, and those that do answer: so the silent ones are known. One of them tells.
constexpr int kAsk = 1, kHere = 2;
constexpr auto kAnswering = std::chrono::seconds(1);
constexpr auto kTelling = std::chrono::seconds(5);

constexpr size_t kFailureBytes = MPI_MAX_ERROR_STRING + 256;

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

struct Mpi {
    MPI_Comm comm = MPI_COMM_NULL;
    int rank = 0, size = 1;
    size_t most_bytes = 0;  // that one call of MPI moves
    double limit = 0;       // seconds of a wait; 0: none
    Clock::time_point told{};  // until when another rank tells of a wait that was too long
    char failure[kFailureBytes] = "";

    // Of each rank, where a call moves as much of all.
    size_t most_each() const { return std::max<size_t>(1, most_bytes / size_t(size)); }

    const char* failed(const char* doing, int code) {
        char text[MPI_MAX_ERROR_STRING] = "";
        int length = 0;
        MPI_Error_string(code, text, &length);
        std::snprintf(failure, sizeof failure, "MPI's %s failed: %s", doing, text);
        return failure;
    }

    // Waits for all ranks, and makes sure that they are at the same call. MPI itself waits by looking without a pause, so that the
    // collective proper begins when all are there.
    const char* meet(Kind kind, size_t bytes) {
        int64_t mine[4] = {kind, -int64_t(kind), int64_t(bytes), -int64_t(bytes)}, most[4];
        MPI_Request request;
        if (const int code = MPI_Iallreduce(mine, most, 4, MPI_INT64_T, MPI_MAX, comm, &request)) return failed(kKinds[kind], code);
        auto now = Clock::now();
        auto sleep = kShortestSleep;
        Clock::duration waited{};
        for (int done = 0;;) {
            if (const int code = MPI_Test(&request, &done, MPI_STATUS_IGNORE)) return failed(kKinds[kind], code);
            if (done) break;
            // Ranks that were all halted for a while, as by Slurm, have not waited for each other.
            const auto before = std::exchange(now, Clock::now());
            waited += std::min<Clock::duration>(now - before, std::chrono::seconds(1));
            if (waited < kLooking) continue;
            if (const char* late = overdue(seconds(waited), [&] { return place(kind, bytes); })) return late;
            std::this_thread::sleep_for(sleep);
            sleep = std::min(2 * sleep, kLongestSleep);
        }
        if (most[0] == -most[1] && most[2] == -most[3]) return nullptr;
        std::snprintf(failure, sizeof failure, "the ranks are not at the same call: this one is at a %s of %zu bytes, and %s", kKinds[kind], bytes,
                      most[0] == -most[1] ? "others have other sizes" : "others are elsewhere");
        return failure;
    }

    // Null while a wait may go on; at() says where it is.
    template <class At>
    const char* overdue(double waited, At at) {
        int asker = 0;
        while (received(kAsk, &asker)) {
            send(asker, kHere);
            told = Clock::now() + kTelling;
        }
        if (limit == 0 || waited < limit || Clock::now() < told) return nullptr;
        std::vector<char> here(size_t(size), 0);
        here[size_t(rank)] = 1;
        for (int r = 0; r < size; r++) {
            if (r != rank) send(r, kAsk);
        }
        for (const auto asked = Clock::now(); Clock::now() - asked < kAnswering; std::this_thread::sleep_for(kLongestSleep)) {
            int from = 0;
            while (received(kHere, &from)) here[size_t(from)] = 1;
            while (received(kAsk, &from)) {
                send(from, kHere);
                here[size_t(from)] = 1;
                if (from < rank) told = Clock::now() + kTelling;  // both asked
            }
            if (Clock::now() < told) return nullptr;
        }
        std::snprintf(failure, sizeof failure, "%s", apo::late_ranks(here, waited, at()).c_str());
        return failure;
    }

private:
    static std::string place(Kind kind, size_t bytes) {
        return kind == kBarrier ? "a barrier" : std::string(kind == kAllToAll ? "an " : "a ") + kKinds[kind] + " of " + std::to_string(bytes) + " bytes";
    }

    bool received(int tag, int* from) {
        int there = 0;
        MPI_Status status;
        if (MPI_Iprobe(MPI_ANY_SOURCE, tag, comm, &there, &status) != MPI_SUCCESS || !there) return false;
        *from = status.MPI_SOURCE;
        return MPI_Recv(nullptr, 0, MPI_BYTE, *from, tag, comm, MPI_STATUS_IGNORE) == MPI_SUCCESS;
    }

    void send(int to, int tag) {
        MPI_Request request;
        if (MPI_Isend(nullptr, 0, MPI_BYTE, to, tag, comm, &request) == MPI_SUCCESS) MPI_Request_free(&request);
    }
};

Mpi& mpi(void* context) { return *static_cast<Mpi*>(context); }

// One rank's piece of an array (size, stride bytes): rank r's begins r * stride behind the first.
struct Strided {
    MPI_Datatype type = MPI_DATATYPE_NULL;
    int code;

    Strided(size_t piece, size_t stride) {
        MPI_Datatype whole;
        code = MPI_Type_contiguous(int(piece), MPI_BYTE, &whole);
        if (code == MPI_SUCCESS) {
            code = MPI_Type_create_resized(whole, 0, MPI_Aint(stride), &type);
            MPI_Type_free(&whole);
        }
        if (code == MPI_SUCCESS) code = MPI_Type_commit(&type);
    }
    ~Strided() {
        if (type != MPI_DATATYPE_NULL) MPI_Type_free(&type);
    }
    Strided(const Strided&) = delete;
};

// run(offset, piece) for pieces of `bytes` that are at most `most`; the first code that is not MPI_SUCCESS.
template <class Run>
int in_pieces(size_t bytes, size_t most, Run run) {
    for (size_t offset = 0; offset < bytes; offset += most) {
        if (const int code = run(offset, std::min(most, bytes - offset))) return code;
    }
    return MPI_SUCCESS;
}

const char* barrier(void* context) { return mpi(context).meet(kBarrier, 0); }

const char* all_gather(void* context, const void* send, size_t bytes, void* receive) {
    Mpi& m = mpi(context);
    if (const char* failed = m.meet(kAllGather, bytes)) return failed;
    const char* from = static_cast<const char*>(send);
    char* to = static_cast<char*>(receive);
    const bool in_place = from == to + size_t(m.rank) * bytes;
    const int code = in_pieces(bytes, m.most_each(), [&](size_t offset, size_t piece) {
        const Strided strided(piece, bytes);
        if (strided.code != MPI_SUCCESS) return strided.code;
        return MPI_Allgather(in_place ? MPI_IN_PLACE : from + offset, int(piece), MPI_BYTE, to + offset, 1, strided.type, m.comm);
    });
    return code == MPI_SUCCESS ? nullptr : m.failed(kKinds[kAllGather], code);
}

const char* all_to_all(void* context, const void* send, size_t bytes, void* receive) {
    Mpi& m = mpi(context);
    if (const char* failed = m.meet(kAllToAll, bytes)) return failed;
    const int code = in_pieces(bytes, m.most_each(), [&](size_t offset, size_t piece) {
        const Strided strided(piece, bytes);
        if (strided.code != MPI_SUCCESS) return strided.code;
        return MPI_Alltoall(static_cast<const char*>(send) + offset, 1, strided.type, static_cast<char*>(receive) + offset, 1, strided.type, m.comm);
    });
    return code == MPI_SUCCESS ? nullptr : m.failed(kKinds[kAllToAll], code);
}

const char* broadcast(void* context, void* data, size_t bytes, int32_t root) {
    Mpi& m = mpi(context);
    if (const char* failed = m.meet(kBroadcast, bytes)) return failed;
    const int code = in_pieces(bytes, m.most_bytes, [&](size_t offset, size_t piece) { return MPI_Bcast(static_cast<char*>(data) + offset, int(piece), MPI_BYTE, root, m.comm); });
    return code == MPI_SUCCESS ? nullptr : m.failed(kKinds[kBroadcast], code);
}

void limit(void* context, double seconds) { mpi(context).limit = seconds; }

const char* overdue(void* context, double waited) { 
    return mpi(context).overdue(waited, [] { return std::string("collectives of GPUs"); });
}

void abort(void* context, int32_t status) {
    MPI_Abort(mpi(context).comm, status);
    _exit(status);  // where it returned
}

void close(void* context) {
    Mpi* m = &mpi(context);
    m->meet(kBarrier, 0);  // politely, for MPI_Finalize is not
    MPI_Comm_free(&m->comm);
    MPI_Finalize();
    delete m;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void apo_mpi_plugin_name(char* name, size_t bytes) {
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    MPI_Get_library_version(text, &length);
    text[std::strcspn(text, ",\n")] = '\0';  // Open MPI goes on with its package and its date
    std::snprintf(name, bytes, "%s", text);
}

extern "C" __attribute__((visibility("default"))) const char* apo_mpi_plugin_open(int32_t abi_version, int32_t bytes, size_t most_bytes, Transport* transport) {
    static char failure[kFailureBytes];
    if (abi_version != apo::kTransportAbiVersion || bytes != int32_t(sizeof(Transport))) {
        std::snprintf(failure, sizeof failure, "libmetaapo_mpi.so has transport version %d of %zu bytes, the engine %d of %d; build both libraries together",
                      apo::kTransportAbiVersion, sizeof(Transport), abi_version, bytes);
        return failure;
    }
    int initialized = 0, provided = 0;
    MPI_Initialized(&initialized);
    if (initialized) return "this process has opened MPI already, which is possible once";
    // The engine calls from one thread at a time, which need not be the one that opened it.
    if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS) return "MPI does not start";
    if (provided < MPI_THREAD_SERIALIZED) return "this MPI library was built for processes of one thread";
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    Mpi* m = new Mpi;
    m->most_bytes = most_bytes;
    MPI_Comm local = MPI_COMM_NULL;
    int code = MPI_Comm_dup(MPI_COMM_WORLD, &m->comm), local_rank = 0, local_size = 1;
    if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(m->comm, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = MPI_Comm_split_type(m->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &local);
    if (code != MPI_SUCCESS) {
        std::snprintf(failure, sizeof failure, "%s", m->failed("start", code));
        delete m;
        return failure;
    }
    MPI_Comm_rank(m->comm, &m->rank);
    MPI_Comm_size(m->comm, &m->size);
    MPI_Comm_rank(local, &local_rank);
    MPI_Comm_size(local, &local_size);
    MPI_Comm_free(&local);
    *transport = Transport{};
    transport->abi_version = apo::kTransportAbiVersion;
    transport->bytes = sizeof(Transport);
    transport->rank = m->rank, transport->size = m->size;
    transport->local_rank = local_rank, transport->local_size = local_size;
    apo_mpi_plugin_name(transport->name, sizeof transport->name);
    transport->context = m;
    transport->barrier = barrier;
    transport->all_gather = all_gather;
    transport->all_to_all = all_to_all;
    transport->broadcast = broadcast;
    transport->limit = limit;
    transport->overdue = overdue;
    transport->abort = abort;
    transport->close = close;
    return nullptr;
}
