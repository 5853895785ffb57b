// Memory that the processes of an emulated communicator share: where they find each other, and what carries their collectives.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace emulation {

// Where a room is: a file of the process that made it, without a name.
struct RoomAddress {
    int32_t pid, file;
};

class Room {
public:
    static constexpr int kMostRanks = 16;

    // The file is open as long as the process is.
    static RoomAddress make();
    explicit Room(RoomAddress address);
    ~Room();
    Room(const Room&) = delete;

    void enter(int rank);
    // Whether all are there, and then whether they are threads of one process.
    bool all_here(int ranks) const;
    bool one_process(int ranks) const;
    void leave(int rank) { shared_->places[rank].left = true; }
    // Ends the others' waits.
    void give_up() { shared_->broken = true; }
    bool given_up() const { return shared_->broken; }
    // Whether who still waits does so in vain.
    bool in_vain(int ranks) const;

private:
    friend class Exchange;
    static constexpr size_t kPlaceBytes = 1 << 16;

    // What a rank has for the others, a piece at a time.
    struct Place {
        std::atomic<int32_t> pid;
        std::atomic<bool> left;
        std::atomic<int64_t> written, read;  // pieces so far
        int64_t sum, bytes;
        char piece[kPlaceBytes];
    };
    struct Shared {
        std::atomic<bool> broken;
        Place places[kMostRanks];
    };
    static_assert(std::atomic<int64_t>::is_always_lock_free, "for processes");

    Shared* shared_ = nullptr;
};

// One rank's part of a reduce-scatter, or of an all-gather, of parts of `bytes`; sums are in the order of ranks.
class Exchange {
public:
    Exchange(Room& room, int rank, int ranks, bool sum, const char* send, char* receive, size_t bytes)
        : room_(room), rank_(rank), ranks_(ranks), sum_(sum), send_(send), receive_(receive), bytes_(bytes) {}

    // Goes on as far as the others have come; true when it is done. Throws where they are at other collectives.
    bool advance();

private:
    void write(size_t piece);
    void read(size_t piece);

    Room& room_;
    const int rank_, ranks_;
    const bool sum_;
    const char* const send_;
    char* const receive_;
    const size_t bytes_;
    size_t at_ = 0;
    bool is_written_ = false;
};

}  // namespace emulation
