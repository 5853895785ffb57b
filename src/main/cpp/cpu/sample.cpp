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
int32_t draw_of_all(const Sample& op, const float* row, int32_t best, double u, uint64_t* room) {
    const float top = row[best], inverse = float(1 / op.temperature);
    uint64_t total = 0;
#pragma omp simd reduction(+ : total)
    for (int64_t j = 0; j < op.vocab; j++) {
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
int32_t draw_of_some(const Sample& op, const float* row, int32_t best, double u, uint64_t* room) {
    const float top = row[best], inverse = float(1 / op.temperature);
    int64_t kept = op.vocab;
    for (int64_t j = 0; j < op.vocab; j++) room[j] = sampling_order(row[j], int32_t(j));
    if (op.top_k > 0 && op.top_k < op.vocab) {
        kept = op.top_k;
        std::partial_sort(room, room + kept, room + op.vocab);
    } else {
        std::sort(room, room + op.vocab);
    }
    auto id = [&](int64_t i) { return int32_t(uint32_t(room[i])); };
    auto weight = [&](int64_t i) { return sampling_weight(row[id(i)], top, inverse); };
    uint64_t total = 0;
    for (int64_t i = 0; i < kept; i++) total += weight(i);
    if (total == 0) return best;
    if (op.top_p < 1) {
        // The smallest set whose probability reaches top_p, of what top-k left.
        const uint64_t needed = sampling_mass(op.top_p, total);
        total = 0;
        for (int64_t i = 0; total < needed; i++) total += weight(i);
    }
    const uint64_t target = sampling_target(u, total);
    uint64_t passed = 0;
    int64_t i = 0;
    while ((passed += weight(i)) <= target) i++;
    return id(i);
}

}  // namespace

void sample(Device& device, const Sample& op) {
    cpu(device).reserve_private(size_t(op.vocab) * sizeof(uint64_t));
    parallel_items(device, op.rows, [&](int64_t r) {
        const float* row = op.logits + r * op.vocab;
        const int32_t best = best_of(row, op.vocab);
        const double lse = log_sum_exp(row, op.vocab, row[best]);
        int32_t id = best;
        if (!op.greedy) {
            const Philox4 words = random_words(op.seed, Stream::sample, op.keys[r], uint32_t(op.answers[r]), uint32_t(op.positions[r]));
            const double u = uniform(words.word[0], words.word[1]);
            auto* room = reinterpret_cast<uint64_t*>(cpu(device).private_floats(omp_get_thread_num()));
            const bool some = (op.top_k > 0 && op.top_k < op.vocab) || op.top_p < 1;
            id = some ? draw_of_some(op, row, best, u, room) : draw_of_all(op, row, best, u, room);
        }
        op.ids[r] = id;
        op.logp[r] = float(double(row[id]) - lse);
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
