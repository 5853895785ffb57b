#include <algorithm>
#include <cmath>

#include "family.h"
#include "parallel.h"
#include "philox.h"
#include "sampling.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

double log_sum_exp(const float* row, int64_t n, double top) {
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += 1024) {
        const int64_t end = std::min<int64_t>(n, begin + 1024);
        vf block{};
        int64_t j = begin;
        for (; j + kLanes <= end; j += kLanes) block += exp(load(row + j) - float(top));
        total += double(sum(block));
        for (; j < end; j++) total += std::exp(double(row[j]) - top);
    }
    return top + std::log(total);
}

// The token of the smallest sampling_order.
int32_t best_of(const float* row, int64_t vocab) {
    vf lanes = splat(-INFINITY);
    int64_t j = 0;
    for (; j + kLanes <= vocab; j += kLanes) lanes = maximum(load(row + j), lanes);  // a NaN is not more than anything
    float top = largest(lanes);
    for (; j < vocab; j++) top = row[j] > top ? row[j] : top;
    const int64_t found = std::find(row, row + vocab, top) - row;
    return found < vocab ? int32_t(found) : 0;
}

// By inversion over all tokens in order of their ids. `room` holds V words.
int32_t draw_of_all(int64_t vocab, const Draw& draw, const float* row, int32_t best, double u, uint64_t* room) {
    const float top = row[best], inverse = float(1 / draw.temperature);
    uint64_t total = 0;
#pragma omp simd reduction(+ : total)
    for (int64_t j = 0; j < vocab; j++) {
        room[j] = sampling_weight(row[j], top, inverse);
        total += room[j];
    }
    if (total == 0) return best;
    const uint64_t target = sampling_target(u, total);
    uint64_t passed = 0;
    int64_t j = 0;
    while ((passed += room[j]) <= target) j++;
    return int32_t(j);
}

// By inversion over the tokens that top-k and top-p leave, from the most probable on. `room` holds V words.
int32_t draw_of_some(int64_t vocab, const Draw& draw, const float* row, int32_t best, double u, uint64_t* room) {
    const float top = row[best], inverse = float(1 / draw.temperature);
    int64_t kept = vocab;
    for (int64_t j = 0; j < vocab; j++) room[j] = sampling_order(row[j], int32_t(j));
    if (draw.top_k > 0 && draw.top_k < vocab) {
        kept = draw.top_k;
        std::partial_sort(room, room + kept, room + vocab);
    } else {
        std::sort(room, room + vocab);
    }
    auto id = [&](int64_t i) { return int32_t(uint32_t(room[i])); };
    auto weight = [&](int64_t i) { return sampling_weight(row[id(i)], top, inverse); };
    uint64_t total = 0;
    for (int64_t i = 0; i < kept; i++) total += weight(i);
    if (total == 0) return best;
    if (draw.top_p < 1) {
        // The smallest set whose probability reaches top_p, of what top-k left.
        const uint64_t needed = sampling_mass(draw.top_p, total);
        total = 0;
        for (int64_t i = 0; total < needed; i++) total += weight(i);
    }
    const uint64_t target = sampling_target(u, total);
    uint64_t passed = 0;
    int64_t i = 0;
    while ((passed += weight(i)) <= target) i++;
    return id(i);
}

// Adds the row's bias to its logits, or takes it off again: what was there lies in its place meanwhile.
void swap_bias(const Sample& op, int64_t r, float* row, bool add) {
    for (int32_t i = op.bias_begin[r]; i < op.bias_begin[r + 1]; i++) {
        const float other = add ? row[op.bias_ids[i]] + op.bias[i] : op.bias[i];
        op.bias[i] = row[op.bias_ids[i]];
        row[op.bias_ids[i]] = other;
    }
}

}  // namespace

void sample(Device& device, const Sample& op) {
    cpu(device).reserve_private(size_t(op.vocab) * sizeof(uint64_t));
    parallel_items(device, op.rows, [&](int64_t r) {
        float* row = op.logits + r * op.vocab;
        const Draw& draw = op.draws[r];
        int32_t best = best_of(row, op.vocab);
        const double lse = log_sum_exp(row, op.vocab, row[best]);
        const bool biased = op.bias != nullptr && op.bias_begin[r] < op.bias_begin[r + 1];
        if (biased) {
            swap_bias(op, r, row, true);
            best = best_of(row, op.vocab);
        }
        int32_t id = best;
        if (!draw.greedy) {
            const Philox4 words = random_words(draw.seed, Stream::sample, draw.key, uint32_t(draw.answer), uint32_t(draw.position));
            const double u = uniform(words.word[0], words.word[1]);
            auto* room = reinterpret_cast<uint64_t*>(cpu(device).private_floats(omp_get_thread_num()));
            const bool some = (draw.top_k > 0 && draw.top_k < op.vocab) || draw.top_p < 1;
            id = some ? draw_of_some(op.vocab, draw, row, best, u, room) : draw_of_all(op.vocab, draw, row, best, u, room);
        }
        if (biased) swap_bias(op, r, row, false);
        op.ids[r] = id;
        op.logp[r] = float(double(row[id]) - lse);
    });
}

void top_logprobs(Device& device, const TopLogprobs& op) {
    const int64_t count = op.count;
    cpu(device).reserve_private(size_t(count) * sizeof(uint64_t));
    parallel_items(device, op.rows, [&](int64_t r) {
        const float* row = op.logits + r * op.vocab;
        const double lse = log_sum_exp(row, op.vocab, row[best_of(row, op.vocab)]);
        if (op.targets != nullptr) op.target_logp[r] = float(double(row[op.targets[r]]) - lse);
        // The smallest orders so far, in order.
        auto* best = reinterpret_cast<uint64_t*>(cpu(device).private_floats(omp_get_thread_num()));
        std::fill_n(best, count, ~uint64_t(0));
        for (int64_t j = 0; count > 0 && j < op.vocab; j++) {
            const uint64_t order = sampling_order(row[j], int32_t(j));
            if (order >= best[count - 1]) continue;
            uint64_t* const at = std::upper_bound(best, best + count, order);
            std::copy_backward(at, best + count - 1, best + count);
            *at = order;
        }
        for (int64_t i = 0; i < count; i++) {
            const auto id = int32_t(uint32_t(best[i]));
            op.ids[r * count + i] = id;
            op.logps[r * count + i] = float(double(row[id]) - lse);
        }
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
