#include "attention_decode_plan.h"

#include <type_traits>

#include "launch.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int kSplitStep = 4;  // pages; those of a step of the kernel that reads them

// Sum of x over the threads before this one, and of all.
APO_DEVICE int64_t sum_before(int64_t x, int64_t* room, int64_t& all) {
    int64_t sum = x;
#pragma unroll
    for (int step = 1; step < kWarp; step *= 2) {
        const int64_t other = __shfl_up_sync(kAllLanes, sum, step);
        if (lane_index() >= step) sum += other;
    }
    if (lane_index() == kWarp - 1) room[warp_index()] = sum;
    __syncthreads();
    int64_t before = sum - x;
    all = 0;
    for (int i = 0; i < kWarps; i++) {
        if (i < warp_index()) before += room[i];
        all += room[i];
    }
    __syncthreads();
    return before;
}

// By a warp: the whole pages that `row` and the one before have in common and see whole.
APO_DEVICE int common_pages(const DecodeRows& x, int row) {
    if (row == 0) return 0;
    const int shorter = min(x.lengths[row], x.lengths[row - 1]), longer = max(x.lengths[row], x.lengths[row - 1]);
    if (longer > x.window) return 0;
    const int32_t *a = x.pages + x.page_begin[row - 1], *b = x.pages + x.page_begin[row];
    const int most = shorter / x.page_size;
    for (int first = 0; first < most; first += kWarp) {
        const int i = first + lane_index();
        const unsigned differ = __ballot_sync(kAllLanes, i < most && a[i] != b[i]);
        if (differ != 0) return first + __ffs(int(differ)) - 1;
    }
    return most;
}

struct RowUnits {
    DecodeUnit own, shared;  // shared: of the cluster that the row leads, empty for the others
    int leader;
};

// A cluster is up to most_rows rows of a run, in which each row has pages in common with the one before.
APO_DEVICE RowUnits units_of(const DecodeRows& x, const int32_t* common, int most_rows, int row) {
    int run = row;
    while (common[run] > 0) run--;
    const int leader = row - (row - run) % most_rows;
    int end = leader + 1, shared = 0;
    for (; end < x.rows && end < leader + most_rows && common[end] > 0; end++) {
        shared = end == leader + 1 ? common[end] : min(shared, common[end]);
    }
    const int length = x.lengths[row], first_seen = max(0, length - x.window) / x.page_size;
    const int pages = (length + x.page_size - 1) / x.page_size;
    return {{row, 1, max(shared, first_seen), pages, 0}, {row, end - leader, 0, row == leader ? shared : 0, 0}, leader};
}

__global__ void plan_kernel(DecodeRows x, DecodePlan plan) {
    const int most_rows = plan.most_rows, items = plan.most_items - 2 * x.rows;
    APO_SHARED(int64_t, room, kWarp);
    for (int row = warp_index(); row < x.rows; row += kWarps) {
        const int common = common_pages(x, row);
        if (lane_index() == 0) plan.common[row] = common;
    }
    __syncthreads();
    int64_t pages = 0;
    for (int row = int(threadIdx.x); row < x.rows; row += kThreads) {
        const RowUnits units = units_of(x, plan.common, most_rows, row);
        pages += units.own.page_end - units.own.page_begin + units.shared.page_end;
    }
    pages = block_sum(pages, room);
    const int64_t wanted = (pages + items - 1) / items;
    const int split = int((wanted + kSplitStep - 1) / kSplitStep) * kSplitStep;
    const int split_pages = max(split, kSplitStep);
    int64_t items_before = 0, slots_before = 0;
    for (int first = 0; first < x.rows; first += kThreads) {
        const int row = first + int(threadIdx.x);
        RowUnits units{};
        int own = 0, shared = 0;
        if (row < x.rows) {
            units = units_of(x, plan.common, most_rows, row);
            own = (units.own.page_end - units.own.page_begin + split_pages - 1) / split_pages;
            shared = (units.shared.page_end + split_pages - 1) / split_pages;
        }
        int64_t all_items = 0, all_slots = 0;
        int64_t item = items_before + sum_before(own + shared, room, all_items);
        const int64_t slot = slots_before + sum_before(own + shared * units.shared.rows, room, all_slots);
        items_before += all_items, slots_before += all_slots;
        if (row >= x.rows) continue;
        units.own.first_slot = int32_t(slot);
        units.shared.first_slot = int32_t(slot + own);
        plan.units[row] = units.own;
        plan.units[x.rows + row] = units.shared;
        plan.leader[row] = units.leader;
        for (int i = 0; i < own; i++) plan.items[item++] = {row, i};
        for (int i = 0; i < shared; i++) plan.items[item++] = {x.rows + row, i};
    }
    if (threadIdx.x == 0) plan.counts[0] = int32_t(items_before), plan.counts[1] = split_pages;
}

}  // namespace

DecodePlan decode_plan_at(void* memory, int32_t rows, int32_t most_rows, int32_t items) {
    DecodePlan plan;
    plan.most_rows = most_rows;
    // A unit of p pages has at most p / split + 1 splits, and all units together at most `items` times `split` pages.
    plan.most_items = items + 2 * rows;
    plan.most_slots = most_rows * items + 2 * rows;
    char* next = static_cast<char*>(memory);
    auto take = [&](auto*& part, int64_t count) {
        part = reinterpret_cast<std::remove_reference_t<decltype(part)>>(next);
        next += size_t(count) * sizeof *part;
    };
    take(plan.items, plan.most_items);
    take(plan.units, 2 * rows);
    take(plan.leader, rows);
    take(plan.common, rows);
    take(plan.counts, 2);
    if (size_t(next - static_cast<char*>(memory)) > decode_plan_bytes(rows)) fail(APO_E_INTERNAL, "a plan of %d rows needs more memory", rows);
    return plan;
}

void make_decode_plan(CudaDevice& device, const DecodeRows& rows, const DecodePlan& plan) {
    APO_LAUNCH(device, plan_kernel, 1u, unsigned(kThreads), 0, rows, plan);
}

}  // namespace cuda
}  // namespace apo
