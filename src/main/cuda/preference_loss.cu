// The fused loss: one block does all of it in one launch, since a batch has hundreds of answers at most and each phase needs
// the whole of the one before.
#include "preference_loss.h"

#include <vector>

#include "dispatch.h"
#include "family.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 512;

// Where an answer's dsum comes from: entry of the rows' gradients, in order of rows.
struct Uses {
    const int32_t* begin;  // (answers + 1)
    const int32_t* entry;
};

struct Arguments {
    int64_t answers;
    const int32_t* answer_begin;
    const float* logp;
    apo_pairs pairs;
    apo_objective objective;
    apo_meta meta;
    double scale;
    double* sums;
    apo_pair_results results;
    float* coef;
    Uses uses;
    double* row_gradients;  // (rows, kRoles)
    double* rooms;          // (threads, meta_room)
};

__global__ void __launch_bounds__(kThreads, 1) preference_loss_kernel(Arguments a) {
    const int warps = int(blockDim.x) / kWarp, thread = int(threadIdx.x), threads = int(blockDim.x);
    for (int64_t answer = warp_index(); answer < a.answers; answer += warps) {
        double sum = 0;
        for (int32_t r = a.answer_begin[answer] + lane_index(); r < a.answer_begin[answer + 1]; r += kWarp) sum += double(a.logp[r]);
        sum = warp_sum(sum);
        if (lane_index() == 0) a.sums[answer] = sum;
    }
    __syncthreads();
    double* const room = a.rooms + thread * meta_room(a.meta);
    for (int32_t b = thread; b < a.pairs.rows; b += threads) {
        const RowGradient row = preference_row(a.pairs, a.sums, a.objective, a.meta, a.scale, b, room, a.results);
#pragma unroll
        for (int i = 0; i < kRoles; i++) a.row_gradients[int64_t(b) * kRoles + i] = row.dsum[i];  // those of no answer are not used
    }
    __syncthreads();
    for (int64_t answer = warp_index(); answer < a.answers; answer += warps) {
        double dsum = 0;
        for (int32_t i = a.uses.begin[answer]; i < a.uses.begin[answer + 1]; i++) dsum += a.row_gradients[a.uses.entry[i]];
        if (lane_index() == 0) a.results.dsums[answer] = dsum;
        if (a.coef == nullptr) continue;
        for (int32_t r = a.answer_begin[answer] + lane_index(); r < a.answer_begin[answer + 1]; r += kWarp) a.coef[r] = float(dsum);
    }
}

// Entries of the rows' gradients by answer, rows in order.
void count_uses(const apo_pairs& pairs, std::vector<int32_t>& begin, std::vector<int32_t>& entry) {
    auto each = [&](auto body) {
        for (int32_t b = 0; b < pairs.rows; b++) {
            each_role(pairs, b, [&](int32_t answer, int32_t role) { body(answer, b * kRoles + role); });
        }
    };
    begin.assign(size_t(pairs.answers) + 1, 0);
    each([&](int32_t answer, int32_t) { begin[size_t(answer) + 1]++; });
    for (size_t i = 1; i < begin.size(); i++) begin[i] += begin[i - 1];
    entry.resize(size_t(begin.back()));
    std::vector<int32_t> next(begin.begin(), begin.end() - 1);
    each([&](int32_t answer, int32_t at) { entry[size_t(next[size_t(answer)]++)] = at; });
}

}  // namespace

void preference_loss(Device& device, const PreferenceLoss& op) {
    CudaDevice& d = gpu(device);
    ScratchScope scratch(d);
    auto copy_of = [&](auto* host, int64_t count) { return host == nullptr ? nullptr : scratch.upload(host, count); };
    Arguments a{op.answers, op.answer_begin, op.logp, *op.pairs, *op.objective, *op.meta, op.scale, op.sums, op.results, op.coef, {}, nullptr, nullptr};
    const int64_t rows = a.pairs.rows;
    std::vector<int32_t> begin, entry;
    count_uses(*op.pairs, begin, entry);
    a.uses = {scratch.upload(begin.data(), int64_t(begin.size())), scratch.upload(entry.data(), int64_t(entry.size()))};
    a.row_gradients = scratch.take<double>(rows * kRoles);
    a.pairs.chosen = copy_of(op.pairs->chosen, rows);
    a.pairs.rejected = copy_of(op.pairs->rejected, rows);
    a.pairs.online_chosen = copy_of(op.pairs->online_chosen, rows);
    a.pairs.online_rejected = copy_of(op.pairs->online_rejected, rows);
    a.pairs.reference_sums = copy_of(op.pairs->reference_sums, op.answers);
    a.pairs.token_counts = copy_of(op.pairs->token_counts, op.answers);
    a.pairs.explored = copy_of(op.pairs->explored, rows);
    a.pairs.wins = copy_of(op.pairs->wins, rows * 2);
    a.pairs.given = copy_of(op.pairs->given, rows * 6);
    const bool learned = op.meta->mode == APO_WEIGHT_LEARNED;
    a.meta.parameters = learned ? scratch.upload(op.meta->parameters, meta_parameter_count(*op.meta)) : nullptr;
    a.meta.features = learned && op.meta->inputs > 1 ? scratch.upload(op.meta->features, rows * (op.meta->inputs - 1)) : nullptr;
    const int64_t work = op.answers * kWarp > rows ? op.answers * kWarp : rows;
    const unsigned threads = threads_for(work, kThreads);
    a.rooms = scratch.take<double>(int64_t(threads) * meta_room(a.meta));
    APO_LAUNCH(d, preference_loss_kernel, 1, threads, 0, a);
}

}  // namespace cuda
}  // namespace apo
