// A stand-in for NCCL: ranks are threads of this process, or processes of this machine, each with a device of its own. As the real one of
// a communicator that does not block, a call returns before its work is in the stream, which is told when it is asked after; works of one
// communicator run in the order of the calls, whatever their streams; a collective is done when all ranks have come to it. A thread that
// waits for another runs what that one has in its streams; of processes, each has a thread that does.
#include "nccl.h"

#include <cstring>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "error.h"
#include "launch.h"
#include "nccl_room.h"
#include "stream.h"

namespace apo {
namespace cuda {
namespace nccl {

namespace {

using emulation::Turn;

constexpr Result kUnhandledCudaError = 1, kInvalidArgument = 4, kInvalidUsage = 5;

struct Collective {
    bool sum;  // reduce-scatter, or all-gather
    const char* send;
    char* receive;
    size_t bytes;  // of a part
    cudaStream_t stream;
    uint64_t at = 0;  // how much work of the stream, with this; 0: it is not there yet
    bool arrived = false, done = false;
};

struct Member;

struct Team {
    Team(int ranks, emulation::RoomAddress address) : members(size_t(ranks)), room(address) {}
    std::vector<std::shared_ptr<Member>> members;  // null: has not come yet, or is of another process
    emulation::Room room;
    bool whole = false, broken = false;
    bool of_processes = false;  // where it is whole
    size_t left = 0;
};

struct Member {
    std::shared_ptr<Team> team;
    int rank, device;
    Result failure = kSuccess;
    bool left = false;
    std::deque<Collective> collectives = {};
    std::thread engine = {};  // of a process among others: what the GPU does beside the host
};

using Handle = std::shared_ptr<Member>;
Member& member(Comm comm) { return **static_cast<Handle*>(comm); }

using Key = std::pair<int32_t, int32_t>;  // a room's address
std::map<Key, std::shared_ptr<Team>>& teams() {
    // For ever: their threads may still run when the process exits.
    static auto& all = *new std::map<Key, std::shared_ptr<Team>>;
    return all;
}

void compute(Team& team, size_t which) {
    const size_t ranks = team.members.size(), bytes = team.members[0]->collectives[which].bytes;
    std::vector<std::string> results;
    for (size_t r = 0; r < ranks; r++) {
        const Collective& own = team.members[r]->collectives[which];
        if (!own.sum) {
            results.emplace_back(own.send, bytes);
            continue;
        }
        std::vector<float> sums(bytes / sizeof(float)), one(sums.size());
        for (size_t from = 0; from < ranks; from++) {
            std::memcpy(one.data(), team.members[from]->collectives[which].send + r * bytes, bytes);
            for (size_t i = 0; i < sums.size(); i++) sums[i] = from == 0 ? one[i] : sums[i] + one[i];
        }
        results.emplace_back(reinterpret_cast<const char*>(sums.data()), bytes);
    }
    for (size_t r = 0; r < ranks; r++) {
        Collective& own = team.members[r]->collectives[which];
        if (own.sum) {
            std::memcpy(own.receive, results[r].data(), bytes);
        } else {
            for (size_t from = 0; from < ranks; from++) std::memcpy(own.receive + from * bytes, results[from].data(), bytes);
        }
        own.done = true;
    }
    Turn::changed();
}

// Has the GPU come to what a rank has called, while the host is elsewhere.
void run_engine(const Handle& self) {
    for (;;) {
        {
            const Turn turn;
            if (self->left) return;
            if (!self->collectives.empty() && self->collectives.back().at > 0) emulation::try_run(*self->collectives.back().stream, self->collectives.back().at);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

// Of processes, what makes a collective ready to run: it is done then.
std::function<bool()> among_processes(const Handle& self, size_t which) {
    const Collective& own = self->collectives[which];
    emulation::Room& room = self->team->room;
    const int ranks = int(self->team->members.size());
    const auto exchange = std::make_shared<emulation::Exchange>(room, self->rank, ranks, own.sum, own.send, own.receive, own.bytes);
    return [self, which, exchange, &room, ranks] {
        if (which > 0 && !self->collectives[which - 1].done) {
            const Collective& before = self->collectives[which - 1];
            if (!emulation::try_run(*before.stream, before.at)) return false;
        }
        const emulation::DeviceMemoryOpen open;
        Collective& own = self->collectives[which];
        if (own.done || self->failure != kSuccess) return true;
        own.done = !room.given_up() && exchange->advance();
        const bool in_vain = !own.done && room.in_vain(ranks);
        if (in_vain && !room.given_up()) own.done = exchange->advance();  // one that has left may have been the last to come
        if (in_vain && !own.done) self->failure = kRemoteError;
        return own.done || self->failure != kSuccess;
    };
}

// The work of a collective in a stream, of threads.
void take_part(Member& self, size_t which) {
    Team& team = *self.team;
    if (which > 0 && !self.collectives[which - 1].done) {
        const Collective& before = self.collectives[which - 1];
        emulation::run_quietly(*before.stream, before.at);
    }
    Collective& own = self.collectives[which];
    own.arrived = true;
    Turn::changed();
    while (!own.done) {
        Member* late = nullptr;
        for (const Handle& other : team.members) {
            if (team.broken) break;
            if (other->collectives.size() <= which || !other->collectives[which].arrived) {
                late = other.get();
                break;
            }
            const Collective& theirs = other->collectives[which];
            if (theirs.sum == own.sum && theirs.bytes == own.bytes) continue;
            apo::fail(APO_E_INTERNAL, "ranks %d and %d are at different collectives", self.rank, other->rank);
        }
        if (team.broken) {
            self.failure = kRemoteError;
            return;
        }
        if (late == nullptr) {
            compute(team, which);
        } else if (late->collectives.size() > which && late->collectives[which].at > 0) {
            const Collective& theirs = late->collectives[which];
            emulation::run_quietly(*theirs.stream, theirs.at);
            if (!theirs.arrived) team.broken = true;  // it has failed before
        } else if (late->left) {
            team.broken = true;
        } else {
            Turn::wait();
        }
    }
}

Result get_version(int* version) {
    *version = emulation::machine().nccl;
    return kSuccess;
}

const char* get_error_string(Result result) {
    switch (result) {
        case kSuccess: return "no error";
        case kUnhandledCudaError: return "unhandled cuda error";
        case kInvalidArgument: return "invalid argument";
        case kInvalidUsage: return "invalid usage";
        case kRemoteError: return "remote process exited or there was a network error";
        default: return "an error of the emulated NCCL";
    }
}

const char* get_last_error(Comm) { return "told by the emulation\nin two lines"; }

Result get_unique_id(UniqueId* id) {
    const emulation::RoomAddress address = emulation::Room::make();
    std::memcpy(id->internal, &address, sizeof address);
    return kSuccess;
}

Result comm_init_rank_config(Comm* comm, int ranks, UniqueId id, int rank, Config* config) {
    const Turn turn;
    if (config->size != sizeof(Config) || config->magic != 0xcafebeef || config->version < 21400 || config->blocking != 0) return kInvalidArgument;
    if (ranks > emulation::Room::kMostRanks) return kInvalidArgument;
    emulation::RoomAddress address{};
    std::memcpy(&address, id.internal, sizeof address);
    std::shared_ptr<Team>& team = teams()[{address.pid, address.file}];
    if (!team) team = std::make_shared<Team>(ranks, address);
    const int device = emulation::current_device();
    for (const Handle& other : team->members) {
        if (other && other->device == device) return kInvalidUsage;
    }
    Handle& place = team->members[size_t(rank)];
    place = std::make_shared<Member>(Member{team, rank, device});
    *comm = new Handle(place);
    team->room.enter(rank);
    return kInProgress;
}

Result comm_get_async_error(Comm comm, Result* result) {
    const Turn turn;
    Member& self = member(comm);
    const Handle kept = *static_cast<Handle*>(comm);
    Team& team = *self.team;
    const int ranks = int(team.members.size());
    if (!team.whole && team.room.all_here(ranks)) team.whole = true, team.of_processes = !team.room.one_process(ranks);
    if (team.whole && team.of_processes && !self.engine.joinable()) self.engine = std::thread(run_engine, kept);
    if (emulation::fault_of_context() != cudaSuccess) self.failure = kUnhandledCudaError;
    *result = self.failure != kSuccess ? self.failure : !self.team->whole ? kInProgress : kSuccess;
    if (*result != kSuccess || self.collectives.empty() || self.collectives.back().at > 0) return kSuccess;
    Collective& last = self.collectives.back();
    const size_t which = self.collectives.size() - 1;
    const char* name = last.sum ? "ncclReduceScatter" : "ncclAllGather";
    if (team.of_processes) {
        emulation::queue(last.stream, {name, [] {}, {}, among_processes(kept, which)});
    } else {
        emulation::queue(last.stream, {name, [kept, which] { take_part(*kept, which); }, {}});
    }
    last.at = last.stream->queued;
    Turn::changed();
    return kSuccess;
}

// Leaves the others, who do not get what they wait for.
void leave(Comm comm) {
    const Handle kept = *static_cast<Handle*>(comm);
    Member& self = *kept;
    self.left = true;
    const std::shared_ptr<Team> team = self.team;
    team->room.leave(self.rank);
    if (++team->left == (team->of_processes ? 1 : team->members.size())) {
        team->members.clear();
        for (auto at = teams().begin(); at != teams().end();) at = at->second == team ? teams().erase(at) : std::next(at);
    }
    delete static_cast<Handle*>(comm);
    Turn::changed();
}

Result comm_finalize(Comm comm) {
    const Turn turn;
    Member& self = member(comm);
    if (!self.collectives.empty()) emulation::run_quietly(*self.collectives.back().stream, self.collectives.back().at);
    return kInProgress;
}

Result give_up(Comm comm, bool broken) {
    std::thread engine;
    {
        const Turn turn;
        Member& self = member(comm);
        engine.swap(self.engine);
        if (broken) self.team->broken = true, self.team->room.give_up();
        leave(comm);
    }
    if (engine.joinable()) engine.join();
    return kSuccess;
}

Result comm_destroy(Comm comm) { return give_up(comm, false); }

Result comm_abort(Comm comm) { return give_up(comm, true); }

Result begin(Collective collective, size_t receive_bytes, size_t send_bytes, Comm comm) {
    const Turn turn;
    Member& self = member(comm);
    if (self.failure != kSuccess) return self.failure;
    if (!self.team->whole || (!self.collectives.empty() && self.collectives.back().at == 0)) return kInvalidUsage;
    if (emulation::fault_of_context() != cudaSuccess) return kUnhandledCudaError;
    if (emulation::block_of(collective.send, send_bytes).number == 0 || emulation::block_of(collective.receive, receive_bytes).number == 0) return kInvalidArgument;
    if (emulation::machine().dry) return kSuccess;
    self.collectives.push_back(collective);
    return kInProgress;
}

Result reduce_scatter(const void* send, void* receive, size_t count, int type, int operation, Comm comm, void* stream) {
    if (type != kFloat32 || operation != kSum) return kInvalidArgument;
    const size_t bytes = count * sizeof(float), all = bytes * member(comm).team->members.size();
    const auto* from = static_cast<const char*>(send);
    auto* to = static_cast<char*>(receive);
    const bool apart = to + bytes <= from || from + all <= to;
    if (!apart && to != from + size_t(member(comm).rank) * bytes) return kInvalidUsage;
    return begin({true, from, to, bytes, static_cast<cudaStream_t>(stream)}, bytes, all, comm);
}

Result all_gather(const void* send, void* receive, size_t count, int type, Comm comm, void* stream) {
    if (type != kInt8) return kInvalidArgument;
    const size_t all = count * member(comm).team->members.size();
    const auto* from = static_cast<const char*>(send);
    auto* to = static_cast<char*>(receive);
    const bool apart = from + count <= to || to + all <= from;
    if (!apart && from != to + size_t(member(comm).rank) * count) return kInvalidUsage;
    return begin({false, from, to, count, static_cast<cudaStream_t>(stream)}, all, count, comm);
}

}  // namespace

const Functions& functions() {
    static const Functions one{get_version,   get_error_string, get_last_error, get_unique_id,  comm_init_rank_config, comm_get_async_error,
                               comm_finalize, comm_destroy,     comm_abort,     reduce_scatter, all_gather};
    return one;
}

}  // namespace nccl
}  // namespace cuda
}  // namespace apo
