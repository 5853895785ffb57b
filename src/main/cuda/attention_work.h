// What the blocks of attention over packed segments do: lists made on the host once a batch, longest work first, so that the last
// blocks to run are short ones.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "ops.h"
#include "platform.h"

namespace apo {
namespace cuda {

constexpr int32_t kNoWindow = 1 << 30;  // longer than any distance

inline int32_t window_of(int32_t window) { return window > 0 ? window : kNoWindow; }

// Queries of one segment, and the keys that at least one of them sees: [own_begin, begin + rows) of the segment, causally,
// and [prompt_begin, prompt_end). A query t is t - k tokens behind a key k of its segment, t - k + prompt_shift behind one of
// its prompt; it sees those that are less than the window behind.
struct QueryTile {
    int32_t begin, rows;
    int32_t own_begin;
    int32_t prompt_begin, prompt_end;
    int32_t prompt_shift;
};

// Keys of one segment, and the end of the queries that see them. As the answers follow their prompt, the queries are
// [begin, query_end), each from its own token on.
struct KeyTile {
    int32_t begin, keys;
    int32_t query_end;
};

std::vector<QueryTile> query_tiles(const Segment* segments, int64_t count, int32_t window, int32_t most_rows);
std::vector<KeyTile> key_tiles(const Segment* segments, int64_t count, int32_t window, int32_t most_keys);

// RoPE position of each token of the segments, from token 0 on.
std::vector<int32_t> positions_of(const Segment* segments, int64_t count);

class CudaDevice;

// A list on the device.
template <class T>
struct DeviceList {
    const T* at;
    int64_t count;
};

// The lists of the latest batch: its layers, forward and backward, ask for the same ones, by the same segments.
class AttentionLists {
public:
    AttentionLists() = default;
    ~AttentionLists();
    AttentionLists(const AttentionLists&) = delete;

    // Each is as the function above of its name makes it, until the next call with other segments.
    DeviceList<QueryTile> queries(CudaDevice& device, const Segment* segments, int64_t count, int32_t window, int32_t most_rows);
    DeviceList<KeyTile> keys(CudaDevice& device, const Segment* segments, int64_t count, int32_t window, int32_t most_keys);
    DeviceList<int32_t> positions(CudaDevice& device, const Segment* segments, int64_t count);

private:
    enum class Kind { queries, keys, positions };
    using Key = std::tuple<Kind, int32_t, int32_t>;  // with the window and the most of a tile
    struct List {
        void* data = nullptr;
        size_t bytes = 0;
        int64_t count = -1;  // none of this batch
    };
    template <class T, class Make>
    DeviceList<T> list(CudaDevice& device, const Segment* segments, int64_t count, const Key& key, Make make);

    std::vector<Segment> segments_;  // of the batch
    std::map<Key, List> lists_;
};

// A block's next keys.
struct KeyRange {
    int begin, count;
    bool own;
};

APO_DEVICE int tiles_in(int begin, int end, int size) { return begin < end ? (end - begin + size - 1) / size : 0; }

// The keys of a query tile in steps of `size`: those of the segment, the last first, then those of the prompt. The tile is
// where all threads read it at little cost, in shared memory, for registers are scarce.
class KeySteps {
public:
    APO_DEVICE KeySteps(const QueryTile& tile, int size)
        : tile_(tile), size_(size), own_(tiles_in(tile.own_begin, tile.begin + tile.rows, size)),
          count_(own_ + tiles_in(tile.prompt_begin, tile.prompt_end, size)) {}
    APO_DEVICE int count() const { return count_; }
    APO_DEVICE KeyRange at(int step) const {
        const bool own = step < own_;
        const int begin = own ? tile_.own_begin + (own_ - 1 - step) * size_ : tile_.prompt_begin + (step - own_) * size_;
        const int end = own ? tile_.begin + tile_.rows : tile_.prompt_end;
        return {begin, min(size_, end - begin), own};
    }
    // How far query t is behind the first key of a range.
    APO_DEVICE int distance(const KeyRange& keys, int t) const { return t - keys.begin + (keys.own ? 0 : tile_.prompt_shift); }

private:
    const QueryTile& tile_;
    int size_, own_, count_;
};

// The block's tile, in every thread: `room` is shared memory.
template <class Tile>
APO_DEVICE const Tile& shared_tile(const Tile* tile, Tile* room) {
    if (threadIdx.x == 0) *room = *tile;
    __syncthreads();
    return *room;
}

// The keys [first, last) of a range that a query sees; empty where first >= last.
struct Visible {
    int first, last;
    APO_DEVICE bool operator()(int j) const { return j >= first && j < last; }
};

APO_DEVICE Visible visible(const KeyRange& keys, int distance, int window) {
    return {distance - window + 1, keys.own ? min(keys.count, distance + 1) : keys.count};
}

}  // namespace cuda
}  // namespace apo
