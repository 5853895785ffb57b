#include "nccl_room.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "error.h"

namespace emulation {

RoomAddress Room::make() {
    const int file = memfd_create("emulated-nccl", 0);
    if (file < 0 || ftruncate(file, sizeof(Shared)) != 0) apo::fail(APO_E_INTERNAL, "no memory to share for the emulated NCCL");
    return {int32_t(getpid()), file};
}

Room::Room(RoomAddress address) {
    const std::string path = "/proc/" + std::to_string(address.pid) + "/fd/" + std::to_string(address.file);
    const int file = open(path.c_str(), O_RDWR);
    void* memory = file < 0 ? MAP_FAILED : mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    if (memory == MAP_FAILED) apo::fail(APO_E_INTERNAL, "%s, where the emulated NCCL's ranks meet, cannot be shared", path.c_str());
    shared_ = static_cast<Shared*>(memory);
}

Room::~Room() { munmap(shared_, sizeof(Shared)); }

void Room::enter(int rank) { shared_->places[rank].pid = int32_t(getpid()); }

bool Room::all_here(int ranks) const {
    return std::all_of(shared_->places, shared_->places + ranks, [](const Place& place) { return place.pid != 0; });
}

bool Room::one_process(int ranks) const {
    return std::all_of(shared_->places, shared_->places + ranks, [](const Place& place) { return place.pid == getpid(); });
}

bool Room::in_vain(int ranks) const {
    return shared_->broken || std::any_of(shared_->places, shared_->places + ranks, [](const Place& place) { return place.left || kill(place.pid, 0) != 0; });
}

bool Exchange::advance() {
    const auto all = [&](std::atomic<int64_t> Room::Place::* count, int64_t least) {
        return std::all_of(room_.shared_->places, room_.shared_->places + ranks_, [&](const Room::Place& place) { return place.*count >= least; });
    };
    Room::Place& own = room_.shared_->places[rank_];
    for (; at_ < bytes_; is_written_ = false) {
        const size_t piece = std::min(bytes_ - at_, Room::kPlaceBytes / size_t(ranks_) / sizeof(float) * sizeof(float));
        if (!is_written_) {
            // The place is free when all have read what stood there.
            if (!all(&Room::Place::read, own.written)) return false;
            write(piece);
            own.written++;
            is_written_ = true;
        }
        if (!all(&Room::Place::written, own.written)) return false;
        read(piece);
        own.read++;
        at_ += piece;
    }
    return true;
}

void Exchange::write(size_t piece) {
    Room::Place& own = room_.shared_->places[rank_];
    own.sum = sum_, own.bytes = int64_t(bytes_);
    for (int r = 0; r < (sum_ ? ranks_ : 1); r++) std::memcpy(own.piece + size_t(r) * piece, send_ + size_t(r) * bytes_ + at_, piece);
}

void Exchange::read(size_t piece) {
    for (int r = 0; r < ranks_; r++) {
        const Room::Place& theirs = room_.shared_->places[r];
        if (theirs.sum != int64_t(sum_) || theirs.bytes != int64_t(bytes_)) {
            room_.give_up();
            apo::fail(APO_E_INTERNAL, "ranks %d and %d are at different collectives", rank_, r);
        }
        if (!sum_) {
            std::memcpy(receive_ + size_t(r) * bytes_ + at_, theirs.piece, piece);
            continue;
        }
        for (size_t i = 0; i < piece; i += sizeof(float)) {
            float sum = 0, one = 0;
            std::memcpy(&one, theirs.piece + size_t(rank_) * piece + i, sizeof one);
            if (r > 0) std::memcpy(&sum, receive_ + at_ + i, sizeof sum);
            sum = r == 0 ? one : sum + one;
            std::memcpy(receive_ + at_ + i, &sum, sizeof sum);
        }
    }
}

}  // namespace emulation
