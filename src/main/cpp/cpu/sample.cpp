#include <algorithm>
#include <cmath>
#include <numeric>

#include "family.h"
#include "parallel.h"
#include "philox.h"

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

// A token by inversion from weights e^((x - top) / temperature) of the tokens that are kept, in order of their ids (all), or
// of falling probability (top-k, top-p; equals by id). `room` holds V floats, `order` V ids.
int32_t draw(const Sample& op, const float* row, float top, double u, float* room, int32_t* order) {
    const int64_t vocab = op.vocab;
    const float inverse = float(1 / op.temperature);
    int64_t j = 0;
    for (; j + kLanes <= vocab; j += kLanes) store(room + j, exp((load(row + j) - top) * inverse));
    for (; j < vocab; j++) room[j] = std::exp((row[j] - top) * inverse);

    const bool some = (op.top_k > 0 && op.top_k < vocab) || op.top_p < 1;
    int64_t kept = vocab;
    if (some) {
        auto more_probable = [&](int32_t a, int32_t b) { return room[a] > room[b] || (room[a] == room[b] && a < b); };
        std::iota(order, order + vocab, 0);
        if (op.top_k > 0 && op.top_k < vocab) {
            kept = op.top_k;
            std::partial_sort(order, order + kept, order + vocab, more_probable);
        } else {
            std::sort(order, order + vocab, more_probable);
        }
        if (op.top_p < 1) {
            // The smallest set whose probability reaches top_p, of what top-k left.
            double total = 0, mass = 0;
            for (int64_t i = 0; i < kept; i++) total += double(room[order[i]]);
            int64_t count = 0;
            while (count < kept && mass < op.top_p * total) mass += double(room[order[count++]]);
            kept = std::max<int64_t>(count, 1);
        }
    }
    auto id = [&](int64_t i) { return some ? order[i] : int32_t(i); };
    double total = 0;
    for (int64_t i = 0; i < kept; i++) total += double(room[id(i)]);
    const double target = u * total;
    double passed = 0;
    int32_t last = id(0);
    for (int64_t i = 0; i < kept; i++) {
        if (!(room[id(i)] > 0)) continue;
        last = id(i);
        passed += double(room[last]);
        if (passed > target) break;
    }
    return last;
}

}  // namespace

void sample(Device& device, const Sample& op) {
    cpu(device).reserve_private(size_t(op.vocab) * (sizeof(float) + sizeof(int32_t)));
    parallel_items(device, op.rows, [&](int64_t r) {
        const float* row = op.logits + r * op.vocab;
        const int32_t best = int32_t(std::max_element(row, row + op.vocab) - row);
        const double lse = log_sum_exp(row, op.vocab, row[best]);
        int32_t id = best;
        if (!op.greedy) {
            const Philox4 words = random_words(op.seed, Stream::sample, op.keys[r], uint32_t(op.answers[r]), uint32_t(op.positions[r]));
            float* room = cpu(device).private_floats(omp_get_thread_num());
            id = draw(op, row, row[best], uniform(words.word[0], words.word[1]), room, reinterpret_cast<int32_t*>(room + op.vocab));
        }
        op.ids[r] = id;
        op.logp[r] = float(double(row[id]) - lse);
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
