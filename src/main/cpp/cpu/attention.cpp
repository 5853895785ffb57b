// Attention over packed segments, tile by tile with a running softmax (FlashAttention, arXiv 2205.14135), so that memory grows
// with the tokens and not with their square. Tiles are f32; the tiles' products are oneDNN's.
#include <cmath>
#include <vector>

#include "attention_tile.h"
#include "family.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

struct QueryBlock {
    int64_t segment, begin, end;
};

std::vector<QueryBlock> query_blocks(const Segment* segments, int64_t count) {
    std::vector<QueryBlock> blocks;
    for (int64_t s = 0; s < count; s++) {
        for (int64_t q = segments[s].begin; q < segments[s].end; q += kQueryBlock) {
            blocks.push_back({s, q, std::min<int64_t>(segments[s].end, q + kQueryBlock)});
        }
    }
    return blocks;
}

// Turns a row of raw scores into e^(scale s - m) over [first, last), zero elsewhere; returns their sum.
float exponentials(float* row, int64_t first, int64_t last, int64_t n, float scale, float m) {
    std::fill(row, row + std::min(first, n), 0.0f);
    vf total{};
    float tail = 0;
    for_vectors(
        last - first,
        [&](int64_t j) {
            const vf p = exp(load(row + first + j) * scale - m);
            store(row + first + j, p);
            total += p;
        },
        [&](int64_t j, int c) {
            const vf p = exp(load_part(row + first + j, c) * scale - m);
            store_part(row + first + j, p, c);
            float lane[kLanes];
            store(lane, p);
            for (int i = 0; i < c; i++) tail += lane[i];
        });
    if (last < n) std::fill(row + std::max<int64_t>(last, 0), row + n, 0.0f);
    return sum(total) + tail;
}

float row_maximum(const float* row, int64_t first, int64_t last) {
    vf m = splat(row[first]);
    int64_t j = first;
    for (; j + kLanes <= last; j += kLanes) m = maximum(m, load(row + j));
    float result = largest(m);
    for (; j < last; j++) result = std::max(result, row[j]);
    return result;
}

template <class T>
void forward_block(Device& device, const AttentionForward& op, const QueryBlock& block, int64_t head) {
    const int64_t d = op.head_dim, width = (op.heads + 2 * op.kv_heads) * d, rows = block.end - block.begin;
    const Segment& segment = op.segments[block.segment];
    const int64_t kv = head / (op.heads / op.kv_heads);
    const float scale = 1.0f / std::sqrt(float(d));
    const T* qkv = static_cast<const T*>(op.qkv);
    float* q_room = cpu(device).private_floats(omp_get_thread_num());
    float* k_room = q_room + kQueryBlock * d;
    float* v_room = k_room + kKeyBlock * d;
    float* scores = v_room + kKeyBlock * d;
    float* out = scores + kQueryBlock * kKeyBlock;
    float maxima[kQueryBlock], sums[kQueryBlock];
    std::fill(maxima, maxima + rows, -INFINITY);
    std::fill(sums, sums + rows, 0.0f);
    std::fill(out, out + rows * d, 0.0f);

    const Tile q = tile_of(qkv + head * d, width, block.begin, block.end, d, q_room);
    for_key_blocks(segment, block.begin, block.end, op.window, [&](const KeyBlock& keys) {
        const int64_t n = keys.end - keys.begin;
        const Tile k = tile_of(qkv + (op.heads + kv) * d, width, keys.begin, keys.end, d, k_room);
        const Tile v = tile_of(qkv + (op.heads + op.kv_heads + kv) * d, width, keys.begin, keys.end, d, v_room);
        sgemm(false, true, rows, n, d, 1, q.data, q.ld, k.data, k.ld, 0, scores, n);
        for (int64_t i = 0; i < rows; i++) {
            const int64_t t = block.begin + i, position = segment.position + t - segment.begin;
            const int64_t first = keys.first(position, op.window) - keys.begin, last = keys.last(t) - keys.begin;
            float* row = scores + i * n;
            if (first >= last) {
                std::fill(row, row + n, 0.0f);
                continue;
            }
            const float m = std::max(maxima[i], row_maximum(row, first, last) * scale);
            const float sum = exponentials(row, first, last, n, scale, m);
            if (m > maxima[i]) {
                const float shrink = std::exp(maxima[i] - m);
                sums[i] *= shrink;
                float* out_row = out + i * d;
                for (int64_t j = 0; j < d; j++) out_row[j] *= shrink;
                maxima[i] = m;
            }
            sums[i] += sum;
        }
        sgemm(false, false, rows, d, n, 1, scores, n, v.data, v.ld, 1, out, d);
    });
    for (int64_t i = 0; i < rows; i++) {
        const float inverse = 1.0f / sums[i];
        for (int64_t j = 0; j < d; j++) out[i * d + j] *= inverse;
        op.lse[(block.begin + i) * op.heads + head] = maxima[i] + std::log(sums[i]);
    }
    write_rows(out, rows, d, static_cast<T*>(op.out) + block.begin * op.heads * d + head * d, op.heads * d);
}

// A prompt with its answers: segments [first, last).
struct Pack {
    int64_t first, last;
};

std::vector<Pack> packs_of(const Segment* segments, int64_t count) {
    std::vector<Pack> packs;
    for (int64_t s = 0; s < count; s++) {
        if (segments[s].prompt_begin == segments[s].prompt_end) packs.push_back({s, s});
        packs.back().last = s + 1;
    }
    return packs;
}

int64_t backward_floats(int64_t tokens, int64_t d) {
    return 3 * kQueryBlock * d + 2 * kKeyBlock * d + 2 * kQueryBlock * kKeyBlock + 2 * tokens * d;
}

// All gradients of one key/value head within one pack. One thread does them, so that the sums over the queries that share
// a key have one order.
template <class T>
void backward_pack(Device& device, const AttentionBackward& op, const Pack& pack, int64_t kv) {
    const int64_t d = op.head_dim, width = (op.heads + 2 * op.kv_heads) * d, group = op.heads / op.kv_heads;
    const int64_t pack_begin = op.segments[pack.first].begin, pack_end = op.segments[pack.last - 1].end;
    const int64_t tokens = pack_end - pack_begin;
    const float scale = 1.0f / std::sqrt(float(d));
    const T* qkv = static_cast<const T*>(op.qkv);
    T* dqkv = static_cast<T*>(op.dqkv);
    float* q_room = cpu(device).private_floats(omp_get_thread_num());
    float* dout_room = q_room + kQueryBlock * d;
    float* dq = dout_room + kQueryBlock * d;
    float* k_room = dq + kQueryBlock * d;
    float* v_room = k_room + kKeyBlock * d;
    float* p = v_room + kKeyBlock * d;
    float* ds = p + kQueryBlock * kKeyBlock;
    float* dk = ds + kQueryBlock * kKeyBlock;
    float* dv = dk + tokens * d;
    std::fill(dk, dk + 2 * tokens * d, 0.0f);
    float deltas[kQueryBlock];

    for (const QueryBlock& relative : query_blocks(op.segments + pack.first, pack.last - pack.first)) {
        const Segment& segment = op.segments[pack.first + relative.segment];
        const int64_t begin = relative.begin, rows = relative.end - relative.begin;
        for (int64_t head = kv * group; head < (kv + 1) * group; head++) {
            const Tile q = tile_of(qkv + head * d, width, begin, relative.end, d, q_room);
            const Tile dout =
                tile_of(static_cast<const T*>(op.dout) + head * d, op.heads * d, begin, relative.end, d, dout_room);
            const T* out = static_cast<const T*>(op.out) + head * d;
            for (int64_t i = 0; i < rows; i++) {
                float delta = 0;
                for (int64_t j = 0; j < d; j++) {
                    delta += dout.data[i * dout.ld + j] * to_float(out[(begin + i) * op.heads * d + j]);
                }
                deltas[i] = delta;
            }
            std::fill(dq, dq + rows * d, 0.0f);
            for_key_blocks(segment, begin, relative.end, op.window, [&](const KeyBlock& keys) {
                const int64_t n = keys.end - keys.begin;
                const Tile k = tile_of(qkv + (op.heads + kv) * d, width, keys.begin, keys.end, d, k_room);
                const Tile v = tile_of(qkv + (op.heads + op.kv_heads + kv) * d, width, keys.begin, keys.end, d, v_room);
                sgemm(false, true, rows, n, d, 1, q.data, q.ld, k.data, k.ld, 0, p, n);
                sgemm(false, true, rows, n, d, 1, dout.data, dout.ld, v.data, v.ld, 0, ds, n);
                for (int64_t i = 0; i < rows; i++) {
                    const int64_t t = begin + i, position = segment.position + t - segment.begin;
                    const int64_t first = std::min(keys.first(position, op.window) - keys.begin, n);
                    const int64_t last = std::max(keys.last(t) - keys.begin, first);
                    float *p_row = p + i * n, *ds_row = ds + i * n;
                    exponentials(p_row, first, last, n, scale, op.lse[t * op.heads + head]);
                    const float delta = deltas[i];
                    for_vectors(
                        n, [&](int64_t j) { store(ds_row + j, load(p_row + j) * (load(ds_row + j) - delta) * scale); },
                        [&](int64_t j, int c) {
                            store_part(ds_row + j, load_part(p_row + j, c) * (load_part(ds_row + j, c) - delta) * scale, c);
                        });
                }
                const int64_t offset = (keys.begin - pack_begin) * d;
                sgemm(true, false, n, d, rows, 1, p, n, dout.data, dout.ld, 1, dv + offset, d);
                sgemm(true, false, n, d, rows, 1, ds, n, q.data, q.ld, 1, dk + offset, d);
                sgemm(false, false, rows, d, n, 1, ds, n, k.data, k.ld, 1, dq, d);
            });
            write_rows(dq, rows, d, dqkv + begin * width + head * d, width);
        }
    }
    write_rows(dk, tokens, d, dqkv + pack_begin * width + (op.heads + kv) * d, width);
    write_rows(dv, tokens, d, dqkv + pack_begin * width + (op.heads + op.kv_heads + kv) * d, width);
}

}  // namespace

void attention_forward(Device& device, const AttentionForward& op) {
    ThreadScope scope(device);
    const int64_t d = op.head_dim;
    cpu(device).reserve_private(size_t(2 * kQueryBlock * d + 2 * kKeyBlock * d + kQueryBlock * kKeyBlock) * sizeof(float));
    const std::vector<QueryBlock> blocks = query_blocks(op.segments, op.segment_count);
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        parallel_items(device, int64_t(blocks.size()) * op.heads, [&](int64_t item) {
            forward_block<T>(device, op, blocks[size_t(item / op.heads)], item % op.heads);
        });
    });
}

void attention_backward(Device& device, const AttentionBackward& op) {
    ThreadScope scope(device);
    const std::vector<Pack> packs = packs_of(op.segments, op.segment_count);
    int64_t longest = 0;
    for (const Pack& pack : packs) longest = std::max<int64_t>(longest, op.segments[pack.last - 1].end - op.segments[pack.first].begin);
    cpu(device).reserve_private(size_t(backward_floats(longest, op.head_dim)) * sizeof(float));
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        parallel_items(device, int64_t(packs.size()) * op.kv_heads, [&](int64_t item) {
            backward_pack<T>(device, op, packs[size_t(item / op.kv_heads)], item % op.kv_heads);
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
