// Sampling: a block has a row. What decides is sums of whole numbers (ops/sampling.h), the same in any order, and so the
// CPU's. Top-k, top-p and the draw are each a search for the token at which a running count or mass, from the most probable
// token on, reaches a goal: no row is sorted. A search reads a histogram of the row by distance from the largest logit, then
// only the tokens of the bin that it found.
#include <cfloat>
#include <cmath>

#include "dispatch.h"
#include "family.h"
#include "philox.h"
#include "reduce.h"
#include "sampling.h"

namespace apo {
namespace cuda {

namespace {

using Mass = unsigned long long;  // as atomicAdd takes it

constexpr int64_t kMostThreads = 512;
constexpr int kBins = 2048;            // of the histogram by distance
constexpr float kBinsANat = 64;        // so that the last bin begins 32 below the largest logit
constexpr int kFineBins = 256;
constexpr uint32_t kMostListed = 4096; // tokens of a bin that are kept in shared memory

// The row and what the weights of its tokens follow from.
struct Row {
    const float* logits;
    int64_t vocab;
    float top, inverse;
    APO_DEVICE Mass weight(float x) const { return Mass(sampling_weight(x, top, inverse)); }
};

// body(logit, id) for the thread's tokens.
template <int N, class Body>
APO_DEVICE void for_row(const float* logits, int64_t vocab, Body body) {
    for (int64_t j = int64_t(threadIdx.x) * N; j < vocab; j += int64_t(blockDim.x) * N) {
        const Floats<N> x = load<N>(logits + j);
#pragma unroll
        for (int i = 0; i < N; i++) body(x[i], int32_t(j + i));
    }
}

struct Peak {
    int32_t id;
    float logit;
    double lse;
};

// The largest logit and the log-sum-exp in one pass: a thread's sum is of e^(x - m) for its own largest m.
template <int N>
APO_DEVICE Peak peak_of(const float* logits, int64_t vocab, uint64_t* words, double* sums) {
    uint64_t best = ~uint64_t(0);
    float m = -FLT_MAX;
    double s = 0;
    for (int64_t j = int64_t(threadIdx.x) * N; j < vocab; j += int64_t(blockDim.x) * N) {
        const Floats<N> x = load<N>(logits + j);
        float top = m;
#pragma unroll
        for (int i = 0; i < N; i++) top = fmaxf(top, x[i]);
        if (top > m) {
            s *= double(expf(m - top));
            m = top;
        }
#pragma unroll
        for (int i = 0; i < N; i++) {
            s += double(expf(x[i] - m));
            const uint64_t order = sampling_order(x[i], int32_t(j + i));
            best = order < best ? order : best;
        }
    }
    best = block_min(best, words);
    const int32_t id = int32_t(uint32_t(best));
    const float logit = logits[id];
    const double sum = block_sum(s * double(expf(m - logit)), sums);
    return {id, logit, double(logit) + log(sum)};
}

// The first token, by id, whose running sum of value(logit) is above a target that `target_of` makes of the total; none < 0.
// Each warp has a range of ids.
template <int N, class Value, class Target>
APO_DEVICE int32_t first_above(const float* logits, int64_t vocab, Value value, Target target_of, int32_t none, Mass* room, int32_t* found) {
    const int warps = int(blockDim.x) / kWarp;
    const int64_t width = kWarp * N, range = (vocab + warps * width - 1) / (warps * width) * width;
    const int64_t begin = range * warp_index(), end = begin + range < vocab ? begin + range : vocab;
    Mass sum = 0;
    for (int64_t j = begin + lane_index() * N; j < end; j += width) {
        const Floats<N> x = load<N>(logits + j);
#pragma unroll
        for (int i = 0; i < N; i++) sum += value(x[i]);
    }
    sum = warp_sum(sum);
    if (lane_index() == 0) room[warp_index()] = sum;
    __syncthreads();
    Mass total = 0, passed = 0;
    for (int w = 0; w < warps; w++) total += room[w];
    if (total == 0) return none;
    const Mass target = target_of(total);
    int owner = 0;
    while (passed + room[owner] <= target) passed += room[owner++];
    if (owner == warp_index()) {
        for (int64_t j = begin; j < end; j += width) {
            const int64_t at = j + lane_index() * N;
            Floats<N> x{};
            Mass part[N] = {}, lane_sum = 0;
            if (at < end) {
                x = load<N>(logits + at);
#pragma unroll
                for (int i = 0; i < N; i++) part[i] = value(x[i]), lane_sum += part[i];
            }
            Mass through = lane_sum;
#pragma unroll
            for (int step = 1; step < kWarp; step *= 2) {
                const Mass other = __shfl_up_sync(kAllLanes, through, unsigned(step));
                if (lane_index() >= step) through += other;
            }
            const Mass all = __shfl_sync(kAllLanes, through, kWarp - 1);
            Mass running = passed + through - lane_sum;
            if (running <= target && passed + through > target) {
                int32_t which = 0;
#pragma unroll
                for (int i = 0; i < N; i++) {
                    running += part[i];
                    if (running <= target) which = i + 1;
                }
                *found = int32_t(at) + which;
            }
            passed += all;
            if (passed > target) break;
        }
    }
    __syncthreads();
    return *found;
}

// Bins stand so that the lanes of a warp, each with neighbouring bins, read neighbouring words.
APO_DEVICE int slot_of(int bin, int bins) { return bin % (bins / kWarp) * kWarp + bin / (bins / kWarp); }

struct Bin {
    int32_t number;
    uint32_t count, count_before;
    Mass mass_before;
};

struct Histogram {
    uint32_t* count;
    Mass* mass;
    int bins;
    APO_DEVICE void clear() const {
        for (int i = int(threadIdx.x); i < bins; i += int(blockDim.x)) count[i] = 0, mass[i] = 0;
        __syncthreads();
    }
    APO_DEVICE void add(int bin, Mass weight) const {
        atomicAdd(count + slot_of(bin, bins), 1u);
        atomicAdd(mass + slot_of(bin, bins), weight);
    }
    // The first bin at which the running count, or mass, reaches the goal (>= 1); the whole reaches it.
    APO_DEVICE Bin find(bool by_count, Mass goal, Bin* found) const {
        if (warp_index() == 0) {
            const int each = bins / kWarp;
            uint32_t lane_count = 0;
            Mass lane_mass = 0;
            for (int i = 0; i < each; i++) {
                lane_count += count[i * kWarp + lane_index()];
                lane_mass += mass[i * kWarp + lane_index()];
            }
            uint32_t counts = lane_count;
            Mass masses = lane_mass;
#pragma unroll
            for (int step = 1; step < kWarp; step *= 2) {
                const uint32_t c = __shfl_up_sync(kAllLanes, counts, unsigned(step));
                const Mass m = __shfl_up_sync(kAllLanes, masses, unsigned(step));
                if (lane_index() >= step) counts += c, masses += m;
            }
            Bin bin{lane_index() * each, 0, counts - lane_count, masses - lane_mass};
            const Mass before = by_count ? Mass(bin.count_before) : bin.mass_before, through = by_count ? Mass(counts) : masses;
            if (before < goal && through >= goal) {
                for (int i = 0;; i++) {
                    bin.count = count[i * kWarp + lane_index()];
                    const Mass m = mass[i * kWarp + lane_index()];
                    if ((by_count ? Mass(bin.count_before) + bin.count : bin.mass_before + m) >= goal) break;
                    bin.number++, bin.count_before += bin.count, bin.mass_before += m;
                }
                *found = bin;
            }
        }
        __syncthreads();
        const Bin bin = *found;
        __syncthreads();
        return bin;
    }
};

struct Shared {
    Mass coarse_mass[kBins], fine_mass[kFineBins];
    uint64_t listed[kMostListed];  // key << 32 | id
    uint32_t coarse_count[kBins], fine_count[kFineBins];
    uint64_t words[kWarp];
    Mass masses[kWarp];
    double sums[kWarp];
    Bin bin;
    uint32_t listed_count;
    int32_t id;
};

// Never falls with distance; what is not a number, or infinitely far, is in the last bin.
APO_DEVICE int bin_of(float top, float x) { return int(fminf((top - x) * kBinsANat, float(kBins - 1))); }

// Searches of one row.
template <int N>
class Searches {
public:
    APO_DEVICE Searches(const Row& row, Shared& shared)
        : row_(row), shared_(shared), coarse_{shared.coarse_count, shared.coarse_mass, kBins}, fine_{shared.fine_count, shared.fine_mass, kFineBins} {
        coarse_.clear();
        // The first and the last bin are those that many tokens may share; a thread adds its own of them once.
        uint32_t first = 0, last = 0;
        Mass first_mass = 0, last_mass = 0;
        for_row<N>(row_.logits, row_.vocab, [&](float x, int32_t) {
            const int bin = bin_of(row_.top, x);
            const Mass weight = row_.weight(x);
            if (bin == 0) {
                first++, first_mass += weight;
            } else if (bin == kBins - 1) {
                last++, last_mass += weight;
            } else {
                coarse_.add(bin, weight);
            }
        });
        first = warp_sum(first), last = warp_sum(last), first_mass = warp_sum(first_mass), last_mass = warp_sum(last_mass);
        if (lane_index() == 0) {
            atomicAdd(coarse_.count + slot_of(0, kBins), first);
            atomicAdd(coarse_.mass + slot_of(0, kBins), first_mass);
            atomicAdd(coarse_.count + slot_of(kBins - 1, kBins), last);
            atomicAdd(coarse_.mass + slot_of(kBins - 1, kBins), last_mass);
        }
        __syncthreads();
    }

    APO_DEVICE Mass total() const {
        Mass sum = 0;
        for (int i = int(threadIdx.x); i < kBins; i += int(blockDim.x)) sum += coarse_.mass[i];
        return block_sum(sum, shared_.masses);
    }

    // Tokens of one logit, and what stands before them.
    struct Level {
        uint32_t key;
        uint32_t count_before;
        Mass mass_before, weight;  // weight of each
    };

    // The logit at which the running count, or mass, reaches the goal.
    APO_DEVICE Level find(bool by_count, Mass goal) {
        const Bin bin = coarse_.find(by_count, goal, &shared_.bin);
        gather(bin);
        Level level{0, bin.count_before, bin.mass_before, 0};
        uint32_t low = low_, high = high_;
        while (low < high) {
            const int bits = 32 - __clz(int(high - low)), shift = bits > 8 ? bits - 8 : 0;
            fine_.clear();
            members([&](uint32_t key, int32_t) {
                if (key >= low && key <= high) fine_.add(int((high - key) >> shift), row_.weight(sampling_logit(key)));
            });
            __syncthreads();
            const Bin part = fine_.find(by_count, goal - (by_count ? Mass(level.count_before) : level.mass_before), &shared_.bin);
            level.count_before += part.count_before, level.mass_before += part.mass_before;
            high -= uint32_t(part.number) << shift;
            const uint32_t span = (1u << shift) - 1;
            low = high - low > span ? high - span : low;
        }
        level.key = high;
        level.weight = row_.weight(sampling_logit(high));
        return level;
    }

    // The token that has `before` others of its logit below its id. Follows a find of its logit.
    APO_DEVICE int32_t nth(uint32_t key, Mass before) {
        if (!is_listed()) {
            return first_above<N>(row_.logits, row_.vocab, [key](float x) { return Mass(sampling_key(x) == key); },
                                  [before](Mass) { return before; }, 0, shared_.masses, &shared_.id);
        }
        members([&](uint32_t other, int32_t id) {
            if (other != key) return;
            Mass smaller = 0;
            for (uint32_t i = 0; i < count_; i++) smaller += uint32_t(shared_.listed[i] >> 32) == key && int32_t(uint32_t(shared_.listed[i])) < id;
            if (smaller == before) shared_.id = id;
        });
        __syncthreads();
        return shared_.id;
    }

private:
    APO_DEVICE bool is_listed() const { return count_ <= kMostListed; }

    // The keys of a bin's tokens, and the tokens themselves where they are few enough.
    APO_DEVICE void gather(const Bin& bin) {
        if (bin_ == bin.number) return;
        bin_ = bin.number, count_ = bin.count;
        if (threadIdx.x == 0) shared_.listed_count = 0;
        __syncthreads();
        uint64_t smallest = ~uint64_t(0), inverse_largest = ~uint64_t(0);
        for_row<N>(row_.logits, row_.vocab, [&](float x, int32_t id) {
            if (bin_of(row_.top, x) != bin_) return;
            const uint32_t key = sampling_key(x);
            smallest = smallest < key ? smallest : key;
            inverse_largest = inverse_largest < uint32_t(~key) ? inverse_largest : uint32_t(~key);
            if (is_listed()) shared_.listed[atomicAdd(&shared_.listed_count, 1u)] = uint64_t(key) << 32 | uint32_t(id);
        });
        low_ = uint32_t(block_min(smallest, shared_.words));
        high_ = ~uint32_t(block_min(inverse_largest, shared_.words));
        __syncthreads();
    }

    // body(key, id) for the thread's tokens of the bin.
    template <class Body>
    APO_DEVICE void members(Body body) {
        if (is_listed()) {
            for (uint32_t i = threadIdx.x; i < count_; i += blockDim.x) body(uint32_t(shared_.listed[i] >> 32), int32_t(uint32_t(shared_.listed[i])));
            return;
        }
        for_row<N>(row_.logits, row_.vocab, [&](float x, int32_t id) {
            if (bin_of(row_.top, x) == bin_) body(sampling_key(x), id);
        });
    }

    const Row row_;
    Shared& shared_;
    const Histogram coarse_, fine_;
    int bin_ = -1;
    uint32_t count_ = 0, low_ = 0, high_ = 0;
};

// top_k = vocab for all.
template <int N>
APO_DEVICE int32_t draw_of_some(const Row& row, int32_t best, int64_t top_k, double top_p, double u, Shared& shared) {
    Searches<N> searches(row, shared);
    Mass total = searches.total();
    if (total == 0) return best;
    if (top_k < row.vocab) {
        const auto last = searches.find(true, Mass(top_k));
        total = last.mass_before + (Mass(top_k) - last.count_before) * last.weight;
    }
    if (top_p < 1) {
        const Mass needed = sampling_mass(top_p, total);
        const auto last = searches.find(false, needed);
        total = last.mass_before + (needed - last.mass_before + last.weight - 1) / last.weight * last.weight;
    }
    const Mass target = sampling_target(u, total);
    const auto level = searches.find(false, target + 1);
    return searches.nth(level.key, (target - level.mass_before) / level.weight);
}

// Adds the row's bias to its logits, or takes it off again: what was there lies in its place meanwhile.
APO_DEVICE void swap_bias(const Sample& op, int64_t r, float* logits, bool add) {
    __syncthreads();
    for (int32_t i = op.bias_begin[r] + int32_t(threadIdx.x); i < op.bias_begin[r + 1]; i += int32_t(blockDim.x)) {
        const float old = logits[op.bias_ids[i]];
        logits[op.bias_ids[i]] = add ? old + op.bias[i] : op.bias[i];
        op.bias[i] = old;
    }
    __syncthreads();
}

// Filtered: top-k or top-p may choose; its Shared is the launch's dynamic shared memory.
template <int N, bool Filtered>
__global__ void __launch_bounds__(int(kMostThreads), 2) sample_kernel(Sample op) {
    const int64_t r = blockIdx.x;
    APO_SHARED(uint64_t, words, kWarp);
    APO_SHARED(double, sums, kWarp);
    APO_SHARED(Mass, masses, kWarp);
    APO_SHARED(int32_t, found, 1);
    float* logits = op.logits + r * op.vocab;
    const Draw& draw = op.draws[r];
    Peak peak = peak_of<N>(logits, op.vocab, words, sums);
    const double lse = peak.lse;
    const bool biased = op.bias != nullptr && op.bias_begin[r] < op.bias_begin[r + 1];
    if (biased) {
        swap_bias(op, r, logits, true);
        peak = peak_of<N>(logits, op.vocab, words, sums);
    }
    int32_t id = peak.id;
    if (!draw.greedy) {
        const Philox4 random = random_words(draw.seed, Stream::sample, draw.key, uint32_t(draw.answer), uint32_t(draw.position));
        const double u = uniform(random.word[0], random.word[1]);
        const Row row{logits, op.vocab, peak.logit, float(1 / draw.temperature)};
        const int64_t top_k = draw.top_k > 0 && draw.top_k < op.vocab ? draw.top_k : op.vocab;
        bool some = false;
        if constexpr (Filtered) {
            some = top_k < op.vocab || draw.top_p < 1;
            if (some) id = draw_of_some<N>(row, id, top_k, draw.top_p, u, *dynamic_shared<Shared>());
        }
        if (!some) {
            id = first_above<N>(logits, op.vocab, [&](float x) { return row.weight(x); },
                                [u](Mass total) { return Mass(sampling_target(u, total)); }, id, masses, found);
        }
    }
    if (biased) swap_bias(op, r, logits, false);
    if (threadIdx.x == 0) {
        op.ids[r] = id;
        op.logp[r] = float(double(logits[id]) - lse);
    }
}

// Each token is the first one behind the one before it.
template <int N>
__global__ void __launch_bounds__(int(kMostThreads), 2) top_logprobs_kernel(TopLogprobs op) {
    const int64_t r = blockIdx.x;
    APO_SHARED(uint64_t, words, kWarp);
    APO_SHARED(double, sums, kWarp);
    const float* logits = op.logits + r * op.vocab;
    const double lse = peak_of<N>(logits, op.vocab, words, sums).lse;
    if (op.targets != nullptr && threadIdx.x == 0) op.target_logp[r] = float(double(logits[op.targets[r]]) - lse);
    uint64_t last = 0;
    for (int32_t i = 0; i < op.count; i++) {
        uint64_t best = ~uint64_t(0);
        for_row<N>(logits, op.vocab, [&](float x, int32_t id) {
            const uint64_t order = sampling_order(x, id);
            if ((i == 0 || order > last) && order < best) best = order;
        });
        last = block_min(best, words);
        if (threadIdx.x == 0) {
            const auto id = int32_t(uint32_t(last));
            op.ids[r * op.count + i] = id;
            op.logps[r * op.count + i] = float(double(logits[id]) - lse);
        }
    }
}

}  // namespace

void sample(Device& device, const Sample& op) {
    if (op.rows == 0) return;
    CudaDevice& d = gpu(device);
    with_float_vectors({op.logits}, {op.vocab}, [&](auto vector) {
        const unsigned threads = threads_for(op.vocab / vector, kMostThreads);
        if (op.some) {
            APO_LAUNCH(d, (sample_kernel<vector, true>), unsigned(op.rows), threads, sizeof(Shared), op);
        } else {
            APO_LAUNCH(d, (sample_kernel<vector, false>), unsigned(op.rows), threads, 0, op);
        }
    });
}

void top_logprobs(Device& device, const TopLogprobs& op) {
    if (op.rows == 0) return;
    CudaDevice& d = gpu(device);
    with_float_vectors({op.logits}, {op.vocab}, [&](auto vector) {
        const unsigned threads = threads_for(op.vocab / vector, kMostThreads);
        APO_LAUNCH(d, (top_logprobs_kernel<vector>), unsigned(op.rows), threads, 0, op);
    });
}

}  // namespace cuda
}  // namespace apo
