#include "attention_work.h"

#include <algorithm>
#include <cstring>

#include "device.h"

namespace apo {
namespace cuda {

namespace {

// Sorted by `cost`, the largest first; equal ones stay in token order, in which their memory is shared best.
template <class Tile, class Cost>
void sort_by_cost(std::vector<Tile>& tiles, Cost cost) {
    std::stable_sort(tiles.begin(), tiles.end(), [&](const Tile& a, const Tile& b) { return cost(a) > cost(b); });
}

// The answers of segment s are the segments [s + 1, answers_end).
int64_t answers_end(const Segment* segments, int64_t count, int64_t s) {
    const Segment& prompt = segments[s];
    int64_t end = s + 1;
    if (prompt.begin == prompt.end) return end;
    while (end < count && segments[end].prompt_begin == prompt.begin && segments[end].prompt_end == prompt.end) end++;
    return end;
}

// The end of the queries of `segment` that see a key at `position`, one before the segment or in it.
int32_t last_query(const Segment& segment, int32_t position, int32_t window) {
    const int64_t end = int64_t(segment.begin) + position + window - segment.position;
    return int32_t(std::max<int64_t>(segment.begin, std::min<int64_t>(segment.end, end)));
}

}  // namespace

std::vector<QueryTile> query_tiles(const Segment* segments, int64_t count, int32_t window, int32_t most_rows) {
    window = window_of(window);
    std::vector<QueryTile> tiles;
    for (int64_t i = 0; i < count; i++) {
        const Segment& s = segments[i];
        for (int32_t q = s.begin; q < s.end; q += most_rows) {
            QueryTile tile;
            tile.begin = q;
            tile.rows = std::min(most_rows, s.end - q);
            tile.own_begin = std::max(s.begin, q - window + 1);
            tile.prompt_shift = s.position - s.begin + s.prompt_begin;
            tile.prompt_begin = std::min(s.prompt_end, std::max(s.prompt_begin, q + tile.prompt_shift - window + 1));
            tile.prompt_end = s.prompt_end;
            tiles.push_back(tile);
        }
    }
    sort_by_cost(tiles, [](const QueryTile& t) { return t.begin + t.rows - t.own_begin + t.prompt_end - t.prompt_begin; });
    return tiles;
}

std::vector<KeyTile> key_tiles(const Segment* segments, int64_t count, int32_t window, int32_t most_keys) {
    window = window_of(window);
    std::vector<KeyTile> tiles;
    for (int64_t i = 0; i < count; i++) {
        const Segment& s = segments[i];
        const int64_t answers = answers_end(segments, count, i);
        for (int32_t k = s.begin; k < s.end; k += most_keys) {
            KeyTile tile{k, std::min(most_keys, s.end - k), 0};
            const int32_t position = s.position + k + tile.keys - 1 - s.begin;
            tile.query_end = last_query(s, position, window);
            for (int64_t a = i + 1; a < answers; a++) {
                const int32_t end = last_query(segments[a], position, window);
                if (end > segments[a].begin) tile.query_end = end;
            }
            tiles.push_back(tile);
        }
    }
    sort_by_cost(tiles, [](const KeyTile& t) { return t.query_end - t.begin; });
    return tiles;
}

std::vector<int32_t> positions_of(const Segment* segments, int64_t count) {
    std::vector<int32_t> positions(count == 0 ? 0 : size_t(segments[count - 1].end));
    for (int64_t i = 0; i < count; i++) {
        const Segment& s = segments[i];
        for (int32_t t = s.begin; t < s.end; t++) positions[size_t(t)] = s.position + t - s.begin;
    }
    return positions;
}

AttentionLists::~AttentionLists() {
    for (auto& [key, list] : lists_) cudaFree(list.data);
}

template <class T, class Make>
DeviceList<T> AttentionLists::list(CudaDevice& device, const Segment* segments, int64_t count, const Key& key, Make make) {
    static_assert(sizeof(Segment) == 5 * sizeof(int32_t), "compared by its bytes");
    // A replay would read what the list holds by then.
    if (device.recording()) fail(APO_E_INTERNAL, "cuda:%d: work that is recorded reads lists of a batch", device.index);
    if (segments_.size() != size_t(count) || std::memcmp(segments_.data(), segments, size_t(count) * sizeof(Segment)) != 0) {
        for (auto& [other, list] : lists_) list.count = -1;
        segments_.assign(segments, segments + count);
    }
    List& list = lists_[key];
    if (list.count < 0) {
        const std::vector<T> items = make();
        const size_t bytes = items.size() * sizeof(T);
        if (bytes > list.bytes) {
            device.epoch++;
            cudaFree(list.data);
            list = {};
            device.check(cudaMalloc(&list.data, 2 * bytes), APO_SITE("cudaMalloc of attention's lists"));
            list.bytes = 2 * bytes;
        }
        device.staging.to_device(device, list.data, items.data(), bytes);
        list.count = int64_t(items.size());
    }
    return {static_cast<const T*>(list.data), list.count};
}

DeviceList<QueryTile> AttentionLists::queries(CudaDevice& device, const Segment* segments, int64_t count, int32_t window, int32_t most_rows) {
    return list<QueryTile>(device, segments, count, {Kind::queries, window, most_rows},
                           [&] { return query_tiles(segments, count, window, most_rows); });
}

DeviceList<KeyTile> AttentionLists::keys(CudaDevice& device, const Segment* segments, int64_t count, int32_t window, int32_t most_keys) {
    return list<KeyTile>(device, segments, count, {Kind::keys, window, most_keys}, [&] { return key_tiles(segments, count, window, most_keys); });
}

DeviceList<int32_t> AttentionLists::positions(CudaDevice& device, const Segment* segments, int64_t count) {
    return list<int32_t>(device, segments, count, {Kind::positions, 0, 0}, [&] { return positions_of(segments, count); });
}

}  // namespace cuda
}  // namespace apo
