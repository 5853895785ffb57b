// The KV cache and attention of one new token a sequence. Memory-bound, so that it reads each key and value once for all the
// query heads of its group.
#include <cmath>
#include <algorithm>

#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

// Scores of the page's keys for one query: out(page_size) = scale * q . keys(D, page_size). D is even.
template <class T>
void page_scores(const float* q, const T* keys, int64_t d, int64_t page_size, float scale, float* out) {
    int64_t j = 0;
    for (; j + 2 * kLanes <= page_size; j += 2 * kLanes) {
        // Four sums at a time: one alone would wait for its own last addition.
        vf even0{}, even1{}, odd0{}, odd1{};
        int64_t c = 0;
        for (; c + 2 <= d; c += 2) {
            const T* at = keys + c * page_size + j;
            even0 += load(at) * q[c];
            even1 += load(at + kLanes) * q[c];
            odd0 += load(at + page_size) * q[c + 1];
            odd1 += load(at + page_size + kLanes) * q[c + 1];
        }
        store(out + j, (even0 + odd0) * scale);
        store(out + j + kLanes, (even1 + odd1) * scale);
    }
    for (; j + kLanes <= page_size; j += kLanes) {
        vf even{}, odd{};
        int64_t c = 0;
        for (; c + 2 <= d; c += 2) {
            even += load(keys + c * page_size + j) * q[c];
            odd += load(keys + (c + 1) * page_size + j) * q[c + 1];
        }
        store(out + j, (even + odd) * scale);
    }
    for (; j < page_size; j++) {
        float score = 0;
        for (int64_t c = 0; c < d; c++) score += to_float(keys[c * page_size + j]) * q[c];
        out[j] = score * scale;
    }
}

template <class T>
void decode_group(const AttentionDecode& op, int64_t row, int64_t kv, float* scores, float* out) {
    const int64_t d = op.head_dim, page_size = op.page_size, group = op.heads / op.kv_heads;
    const int64_t width = (op.heads + 2 * op.kv_heads) * d, page_elements = 2 * op.kv_heads * page_size * d;
    const int64_t length = op.lengths[row], pages = (length + page_size - 1) / page_size;
    const int64_t first = op.window > 0 ? std::max<int64_t>(0, length - op.window) : 0, first_page = first / page_size;
    const T* cache = static_cast<const T*>(op.cache) + kv * 2 * page_size * d;
    const int32_t* page = op.pages + op.page_begin[row];
    const float scale = 1.0f / std::sqrt(float(d));
    const int64_t stride = pages * page_size;
    float* q = out + group * d;

    for (int64_t g = 0; g < group; g++) {
        const T* source = static_cast<const T*>(op.qkv) + row * width + (kv * group + g) * d;
        for (int64_t c = 0; c < d; c++) q[g * d + c] = to_float(source[c]);
    }
    for (int64_t p = first_page; p < pages; p++) {
        const T* keys = cache + page[p] * page_elements;
        for (int64_t g = 0; g < group; g++) {
            page_scores(q + g * d, keys, d, page_size, scale, scores + g * stride + p * page_size);
        }
    }
    for (int64_t g = 0; g < group; g++) {
        float* row_scores = scores + g * stride;
        float m = -INFINITY;
        for (int64_t t = first; t < length; t++) m = std::max(m, row_scores[t]);
        for (int64_t t = first_page * page_size; t < first; t++) row_scores[t] = -INFINITY;
        for (int64_t t = length; t < stride; t++) row_scores[t] = -INFINITY;
        float total = 0;
        int64_t t = first_page * page_size;
        for (; t + kLanes <= stride; t += kLanes) {
            const vf e = exp(load(row_scores + t) - m);
            store(row_scores + t, e);
            total += sum(e);
        }
        for (; t < stride; t++) total += row_scores[t] = std::exp(row_scores[t] - m);
        const float inverse = 1.0f / total;
        for (t = first; t < length; t++) row_scores[t] *= inverse;
        std::fill(out + g * d, out + (g + 1) * d, 0.0f);
    }
    for (int64_t p = first_page; p < pages; p++) {
        const T* values = cache + page[p] * page_elements + page_size * d;
        const int64_t count = std::min(page_size, length - p * page_size);
        for (int64_t g = 0; g < group; g++) {
            const float* weights = scores + g * stride + p * page_size;
            float* target = out + g * d;
            int64_t c = 0;
            for (; c + 4 * kLanes <= d; c += 4 * kLanes) {
                vf a0 = load(target + c), a1 = load(target + c + kLanes), a2 = load(target + c + 2 * kLanes),
                   a3 = load(target + c + 3 * kLanes);
                for (int64_t t = 0; t < count; t++) {
                    const T* at = values + t * d + c;
                    a0 += load(at) * weights[t];
                    a1 += load(at + kLanes) * weights[t];
                    a2 += load(at + 2 * kLanes) * weights[t];
                    a3 += load(at + 3 * kLanes) * weights[t];
                }
                store(target + c, a0);
                store(target + c + kLanes, a1);
                store(target + c + 2 * kLanes, a2);
                store(target + c + 3 * kLanes, a3);
            }
            for (; c + kLanes <= d; c += kLanes) {
                vf acc = load(target + c);
                for (int64_t t = 0; t < count; t++) acc += load(values + t * d + c) * weights[t];
                store(target + c, acc);
            }
            for (; c < d; c++) {
                for (int64_t t = 0; t < count; t++) target[c] += to_float(values[t * d + c]) * weights[t];
            }
        }
    }
    T* target = static_cast<T*>(op.out) + row * op.heads * d + kv * group * d;
    for (int64_t j = 0; j < group * d; j++) target[j] = from_float<T>(out[j]);
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

void attention_decode(Device& device, const AttentionDecode& op) {
    int64_t longest = 0;
    for (int64_t row = 0; row < op.rows; row++) longest = std::max<int64_t>(longest, op.lengths[row]);
    const int64_t group = op.heads / op.kv_heads, room = group * (longest + op.page_size);
    device.reserve_private(size_t(room + 2 * group * op.head_dim) * sizeof(float));
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        parallel_items(device, op.rows * op.kv_heads, [&](int64_t item) {
            float* scores = device.private_floats(omp_get_thread_num());
            decode_group<T>(op, item / op.kv_heads, item % op.kv_heads, scores, scores + room);
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
