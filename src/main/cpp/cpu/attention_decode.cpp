// The KV cache and attention of one new token a sequence. Bound by memory, so that each key and value is read once for all
// the query heads of its group, and a page that several sequences share once for all of them.
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

constexpr int kQueries = kLanes == 16 ? 8 : 4;  // that meet a page together: enough sums to hide the latency of an addition
constexpr int64_t kMostRows = 8;                // of a cluster

// Scores of a page's keys(D, page_size) for N queries(N, D): out[i * stride + t] = scale * query_i . key_t.
template <int N, class T>
void score_page(const float* q, const T* keys, int64_t d, int64_t page_size, float scale, float* out, int64_t stride) {
    int64_t t = 0;
    for (; t + 2 * kLanes <= page_size; t += 2 * kLanes) {
        vf low[N] = {}, high[N] = {};
        for (int64_t c = 0; c < d; c++) {
            const vf key0 = load(keys + c * page_size + t), key1 = load(keys + c * page_size + t + kLanes);
            for (int i = 0; i < N; i++) low[i] += key0 * q[i * d + c], high[i] += key1 * q[i * d + c];
        }
        for (int i = 0; i < N; i++) store(out + i * stride + t, low[i] * scale), store(out + i * stride + t + kLanes, high[i] * scale);
    }
    for (; t + kLanes <= page_size; t += kLanes) {
        vf scores[N] = {};
        for (int64_t c = 0; c < d; c++) {
            const vf key = load(keys + c * page_size + t);
            for (int i = 0; i < N; i++) scores[i] += key * q[i * d + c];
        }
        for (int i = 0; i < N; i++) store(out + i * stride + t, scores[i] * scale);
    }
    for (; t < page_size; t++) {
        for (int i = 0; i < N; i++) {
            float score = 0;
            for (int64_t c = 0; c < d; c++) score += to_float(keys[c * page_size + t]) * q[i * d + c];
            out[i * stride + t] = score * scale;
        }
    }
}

// out_i(D) += sum over t < count of weights[i * stride + t] * values(page_size, D)[t], for N queries.
template <int N, class T>
void add_page(const float* weights, int64_t stride, const T* values, int64_t count, int64_t d, float* out) {
    int64_t c = 0;
    for (; c + 2 * kLanes <= d; c += 2 * kLanes) {
        vf low[N], high[N];
        for (int i = 0; i < N; i++) low[i] = load(out + i * d + c), high[i] = load(out + i * d + c + kLanes);
        for (int64_t t = 0; t < count; t++) {
            const vf value0 = load(values + t * d + c), value1 = load(values + t * d + c + kLanes);
            for (int i = 0; i < N; i++) low[i] += value0 * weights[i * stride + t], high[i] += value1 * weights[i * stride + t];
        }
        for (int i = 0; i < N; i++) store(out + i * d + c, low[i]), store(out + i * d + c + kLanes, high[i]);
    }
    for (; c + kLanes <= d; c += kLanes) {
        for (int i = 0; i < N; i++) {
            vf sum = load(out + i * d + c);
            for (int64_t t = 0; t < count; t++) sum += load(values + t * d + c) * weights[i * stride + t];
            store(out + i * d + c, sum);
        }
    }
    for (; c < d; c++) {
        for (int i = 0; i < N; i++) {
            for (int64_t t = 0; t < count; t++) out[i * d + c] += to_float(values[t * d + c]) * weights[i * stride + t];
        }
    }
}

// Asks for memory that is read next: pages lie anywhere, so that the hardware does not foresee them.
template <class T>
void prefetch(const T* data, int64_t count) {
    for (int64_t j = 0; j < count; j += 64 / int64_t(sizeof(T))) __builtin_prefetch(data + j);
}

// body(N, i) for blocks of queries [i, i + N), N a constant.
template <class Body>
void for_queries(int64_t n, Body body) {
    int64_t i = 0;
    for (; i + kQueries <= n; i += kQueries) body(std::integral_constant<int, kQueries>(), i);
    for (; i + 2 <= n; i += 2) body(std::integral_constant<int, 2>(), i);
    for (; i < n; i++) body(std::integral_constant<int, 1>(), i);
}

// In place: the softmax of scores [first, length), which lie within the pages' [begin, end); the others get the weight 0.
void softmax(float* scores, int64_t begin, int64_t first, int64_t length, int64_t end) {
    std::fill(scores + begin, scores + first, -INFINITY);
    std::fill(scores + length, scores + end, -INFINITY);
    const int64_t vectors_end = begin + (end - begin) / kLanes * kLanes;
    vf most = splat(-INFINITY);
    for (int64_t t = begin; t < vectors_end; t += kLanes) most = maximum(most, load(scores + t));
    float m = largest(most);
    for (int64_t t = vectors_end; t < end; t++) m = std::max(m, scores[t]);
    vf totals{};
    for (int64_t t = begin; t < vectors_end; t += kLanes) {
        const vf e = exp(load(scores + t) - m);
        store(scores + t, e);
        totals += e;
    }
    float total = sum(totals);
    for (int64_t t = vectors_end; t < end; t++) total += scores[t] = std::exp(scores[t] - m);
    const float inverse = 1.0f / total;
    for (int64_t t = begin; t < end; t++) scores[t] *= inverse;
}

// Rows whose first pages are the same and wholly visible, as those of one prompt's answers are.
struct Cluster {
    int64_t begin, end, shared;  // rows; pages
};

int64_t common_pages(const AttentionDecode& op, int64_t a, int64_t b) {
    const int64_t most = std::min(op.lengths[a], op.lengths[b]) / op.page_size;
    int64_t n = 0;
    while (n < most && op.pages[op.page_begin[a] + n] == op.pages[op.page_begin[b] + n]) n++;
    return n;
}

std::vector<Cluster> clusters(const AttentionDecode& op, int64_t longest, int64_t most_rows) {
    const bool whole = op.window == 0 || longest <= op.window;
    std::vector<Cluster> all;
    for (int64_t row = 0; row < op.rows; row++) {
        if (whole && !all.empty() && all.back().end - all.back().begin < most_rows) {
            Cluster& last = all.back();
            const int64_t common = common_pages(op, last.begin, row);
            if (common > 0) {
                last.shared = last.end - last.begin == 1 ? common : std::min(last.shared, common);
                last.end++;
                continue;
            }
        }
        all.push_back({row, row + 1, 0});
    }
    return all;
}

template <class T>
void decode_cluster(const AttentionDecode& op, const Cluster& cluster, int64_t kv, int64_t stride, float* room) {
    const int64_t d = op.head_dim, page_size = op.page_size, group = op.heads / op.kv_heads;
    const int64_t width = (op.heads + 2 * op.kv_heads) * d, page_elements = 2 * op.kv_heads * page_size * d;
    const int64_t queries = (cluster.end - cluster.begin) * group;
    const T* cache = static_cast<const T*>(op.cache) + kv * 2 * page_size * d;
    const float scale = 1.0f / std::sqrt(float(d));
    float *q = room, *out = q + queries * d, *scores = out + queries * d;

    for (int64_t row = cluster.begin; row < cluster.end; row++) {
        const T* source = static_cast<const T*>(op.qkv) + row * width + kv * group * d;
        float* target = q + (row - cluster.begin) * group * d;
        for (int64_t j = 0; j < group * d; j++) target[j] = to_float(source[j]);
    }
    std::fill(out, out + queries * d, 0.0f);

    // visit(data, page's index, first query, queries, visible tokens): shared pages for all, then each row's own.
    // `offset` is where in a page the visitor reads.
    auto page = [&](int64_t row, int64_t p) { return cache + op.pages[op.page_begin[row] + p] * page_elements; };
    auto each_page = [&](int64_t offset, auto visit) {
        for (int64_t p = 0; p < cluster.shared; p++) {
            if (p + 1 < cluster.shared) prefetch(page(cluster.begin, p + 1) + offset, page_size * d);
            visit(page(cluster.begin, p) + offset, p, 0, queries, page_size);
        }
        for (int64_t row = cluster.begin; row < cluster.end; row++) {
            const int64_t length = op.lengths[row], pages = (length + page_size - 1) / page_size;
            const int64_t first = op.window > 0 ? std::max<int64_t>(0, length - op.window) : 0;
            for (int64_t p = std::max(cluster.shared, first / page_size); p < pages; p++) {
                if (p + 1 < pages) prefetch(page(row, p + 1) + offset, page_size * d);
                visit(page(row, p) + offset, p, (row - cluster.begin) * group, group, std::min(page_size, length - p * page_size));
            }
        }
    };
    each_page(0, [&](const T* keys, int64_t p, int64_t first, int64_t count, int64_t) {
        for_queries(count, [&](auto n, int64_t i) {
            score_page<n()>(q + (first + i) * d, keys, d, page_size, scale, scores + (first + i) * stride + p * page_size, stride);
        });
    });
    for (int64_t i = 0; i < queries; i++) {
        const int64_t length = op.lengths[cluster.begin + i / group];
        const int64_t first = op.window > 0 ? std::max<int64_t>(0, length - op.window) : 0;
        softmax(scores + i * stride, first / page_size * page_size, first, length, (length + page_size - 1) / page_size * page_size);
    }
    each_page(page_size * d, [&](const T* values, int64_t p, int64_t first, int64_t count, int64_t tokens) {
        for_queries(count, [&](auto n, int64_t i) {
            add_page<n()>(scores + (first + i) * stride + p * page_size, stride, values, tokens, d, out + (first + i) * d);
        });
    });

    for (int64_t row = cluster.begin; row < cluster.end; row++) {
        T* target = static_cast<T*>(op.out) + row * op.heads * d + kv * group * d;
        const float* source = out + (row - cluster.begin) * group * d;
        for (int64_t j = 0; j < group * d; j++) target[j] = from_float<T>(source[j]);
    }
}

}  // namespace

void kv_append(Device& device, const KvAppend& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const int64_t d = op.head_dim, width = (op.heads + 2 * op.kv_heads) * d;
        parallel_ranges(device, op.rows, 8, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; row++) {
                const int64_t page = op.slots[row] / op.page_size, offset = op.slots[row] % op.page_size;
                const T* k = static_cast<const T*>(op.qkv) + row * width + op.heads * d;
                const T* v = k + op.kv_heads * d;
                T* keys = static_cast<T*>(op.cache) + page * 2 * op.kv_heads * op.page_size * d;
                for (int64_t head = 0; head < op.kv_heads; head++, keys += 2 * op.page_size * d) {
                    for (int64_t c = 0; c < d; c++) keys[c * op.page_size + offset] = k[head * d + c];
                    std::memcpy(keys + (op.page_size + offset) * d, v + head * d, size_t(d) * sizeof(T));
                }
            }
        });
    });
}

// Clusters are found by each call: that takes less time than a page.
void plan_decode(Device&, const AttentionDecode&) {}

void attention_decode(Device& device, const AttentionDecode& op) {
    int64_t longest = 0;
    for (int64_t row = 0; row < op.rows; row++) longest = std::max<int64_t>(longest, op.lengths[row]);
    // Few enough rows to a cluster that every thread has several.
    const int64_t most_rows = std::min(kMostRows, std::max<int64_t>(1, op.rows * op.kv_heads / (4 * cpu(device).threads)));
    const std::vector<Cluster> all = clusters(op, longest, most_rows);
    const int64_t stride = (longest + op.page_size - 1) / op.page_size * op.page_size;
    cpu(device).reserve_private(size_t(most_rows * (op.heads / op.kv_heads) * (stride + 2 * op.head_dim)) * sizeof(float));
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        parallel_items(device, int64_t(all.size()) * op.kv_heads, [&](int64_t item) {
            decode_cluster<T>(op, all[size_t(item / op.kv_heads)], item % op.kv_heads, stride,
                              cpu(device).private_floats(omp_get_thread_num()));
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
